// SPDX-License-Identifier: Apache-2.0
// Nothing: precompiled headers belong to a target, and targets have sources.
