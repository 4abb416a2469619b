#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What `./run demo` shows, with the built program as its only argument. It grows with the program.
set -euo pipefail
cameo="$1"
place=build/demo

"$cameo" doctor
rm -rf "$place"
mkdir -p "$place"
"$cameo" dataset synth "$place/heads" --heads 16 --size 256 --quiet
"$cameo" dataset show "$place/heads" --quiet
cat <<TEXT

No trained model ships yet, so these are the heads that one will be trained on. Look at
    $PWD/$place/heads-sheet.png   sixteen procedural heads
    $PWD/$place/heads-poses.png   where their cameras stand
    $PWD/$place/heads             the data set, in EG3D's format; the truth is in heads-truth beside it
TEXT
