#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What `./run demo` shows, with the built program as its only argument. It grows with the program.
set -euo pipefail
cameo="$1"
"$cameo" doctor
