#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What `./run demo` shows, with the built program as its only argument: everything that one seed becomes, and a page that
# shows it. The model is the one that $CAMEO_MODEL names, or the one in models/.
set -euo pipefail
cameo="$1"
place="${CAMEO_DEMO:-build/demo}"
here="$(dirname "${BASH_SOURCE[0]}")"

"$cameo" doctor
rm -rf "$place"
mkdir -p "$place"
place="$(cd "$place" && pwd)"

model="${CAMEO_MODEL:-}"
if [[ -z "$model" ]]; then
    for found in models/*.safetensors; do
        [[ -f "$found" ]] && model="$found" && break
    done
fi

if [[ -z "$model" ]]; then
    "$cameo" dataset synth "$place/heads" --heads 16 --size 256 --quiet
    "$cameo" dataset show "$place/heads" --quiet
    cat <<TEXT

No trained model ships yet (there is none in models/), so these are the heads that one will be trained on. Look at
    $place/heads-sheet.png   sixteen procedural heads
    $place/heads-poses.png   where their cameras stand
    $place/heads             the data set, in EG3D's format; the truth is in heads-truth beside it
With a model of your own: CAMEO_MODEL=model.safetensors ./run demo
TEXT
    exit
fi

seed=3
started=$SECONDS
with=(--network "$model")
"$cameo" generate "${with[@]}" --seeds 0-11 --grid 4x3 --depth -o "$place"
# Without an encoder these are pictures, the command that makes the video is told, and the page goes without.
film() { "$cameo" video "${with[@]}" --fps 30 --sample-mult 1 "$@" || [[ $? -eq 8 ]]; }
film --seeds "$seed" --path turn --w-frames 90 -o "$place/turn.mp4"
film --seeds 0-3 --path turn --w-frames 30 -o "$place/faces.mp4"
"$cameo" mesh "${with[@]}" --seeds "$seed" --res 160 --texture -o "$place/head.glb"
"$cameo" mesh "${with[@]}" --seeds "$seed" --res 128 --splats 12000 --steps 300 -o "$place/head.splat.ply"

# The page: each line @@file@@ becomes that file.
while IFS= read -r line; do
    if [[ "$line" =~ ^@@(.+)@@$ ]]; then
        file="$place/${BASH_REMATCH[1]}"
        [[ -f "$file" ]] && base64 -w 0 "$file" && echo
    else
        printf '%s\n' "$line"
    fi
done <"$here/demo.html" >"$place/index.html.part"
mv "$place/index.html.part" "$place/index.html"

cat <<TEXT

Made with $model in $((SECONDS - started)) s. Look at
    $place/index.html        all of it, in any browser, without a network
    $place/grid.png          twelve seeds, and grid_depth.png
    $place/turn.mp4          one head turning; faces.mp4: four that become one another
    $place/head.glb          its mesh with a texture, for Blender and the web
    $place/head.splat.ply    the same head as Gaussian splats, for any splat viewer
TEXT
