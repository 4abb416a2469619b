# SPDX-License-Identifier: Apache-2.0
# Sourced by ./run: brings a bare Debian machine to where CMake can start. Everything here may be run again and again;
# what is there already is left alone, and nothing is downloaded twice.

readonly torch_version=2.11.0
readonly -A torch_sha256=(
    [torch]=7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a
    [nvidia-cuda-runtime]=7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548
    [nvidia-cuda-cupti]=4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8
)
readonly -A torch_wheel=(  # version and platform: LibTorch names these two CUDA libraries even where there is no GPU
    [torch]="$torch_version manylinux_2_28_x86_64"
    [nvidia-cuda-runtime]="13.0.96 manylinux2014_x86_64"
    [nvidia-cuda-cupti]="13.0.85 manylinux_2_25_x86_64"
)

readonly build_packages=(
    ca-certificates ccache cmake g++ ninja-build pkg-config python3-minimal python3-pip unzip
    catch2 libavcodec-dev libavformat-dev libavutil-dev libbenchmark-dev libboost-program-options-dev libfmt-dev libgloo-dev libmeshoptimizer-dev libopenimageio-dev
    librange-v3-dev libswscale-dev libtinygltf-dev libzip-dev nlohmann-json3-dev openimageio-tools zlib1g-dev
)
readonly fuzz_packages=(clang libclang-rt-14-dev)
readonly tidy_packages=(clang clang-format clang-tidy)

say() { printf '%s\n' "$*" >&2; }

die() {
    say "run: $*"
    exit 1
}

# Runs a command with its words in a log, which is shown only when it fails.
quietly() {
    local log="$1"
    shift
    mkdir -p "$(dirname "$log")"
    "$@" >"$log" 2>&1 || {
        tail -n 40 "$log" >&2
        die "'$*' failed; all of its words are in $log"
    }
}

cache_folder() { printf '%s' "${CAMEO_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cameo}"; }

is_root() { [[ $EUID -eq 0 ]]; }

# Free space, in MiB, where a folder is or will be.
free_mib() {
    local folder="$1"
    while [[ ! -d "$folder" ]]; do folder="$(dirname "$folder")"; done
    df -Pm "$folder" | awk 'NR == 2 { print $4 }'
}

# ensure_packages [fuzz|tidy]: installs the Debian packages that are missing, if any.
ensure_packages() {
    local wanted=("${build_packages[@]}") missing=() name
    [[ "${1:-}" == fuzz ]] && wanted+=("${fuzz_packages[@]}")
    [[ "${1:-}" == tidy ]] && wanted+=("${tidy_packages[@]}")
    if ! command -v dpkg-query >/dev/null; then
        # Another distribution may well have all of it under other names: CMake will tell what it misses.
        for name in cmake ninja g++ unzip; do
            command -v "$name" >/dev/null && continue
            die "this is no Debian, so nothing can be installed from here, and '$name' is missing. Install a C++20 compiler, \
CMake 3.25, Ninja, OpenImageIO, Boost.Program_options, range-v3, nlohmann-json, libzip, zlib and Catch2 with your package manager."
        done
        return
    fi
    for name in "${wanted[@]}"; do
        [[ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$name" 2>/dev/null)" == "ii "* ]] || missing+=("$name")
    done
    [[ ${#missing[@]} -eq 0 ]] && return

    local as_root=()
    if ! is_root; then
        if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [[ -t 0 ]]; }; then
            as_root=(sudo)
        else
            die "packages are missing and this user may not install them. Run as root:
    apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
        fi
    fi
    [[ $(free_mib /usr) -ge 1500 ]] || die "installing ${#missing[@]} packages takes about 1.5 GB below /usr; make room first"
    say "installing ${#missing[@]} Debian packages: ${missing[*]}"
    local log
    log="$(mktemp)"
    if ! { "${as_root[@]}" apt-get update && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y \
        --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
        tail -n 15 "$log" >&2
        die "apt-get could not install them (all of its words: $log). Is there a network, and is this Debian 12 or newer?"
    fi
    rm -f "$log"
}

# A python3 that has pip; pip is the downloader, nothing of Python runs later.
pythons=(python3 /usr/bin/python3)
python_with_pip() {
    local python
    for python in "${pythons[@]}"; do
        "$python" -m pip --version >/dev/null 2>&1 && { printf '%s' "$python"; return; }
    done
    die "python3 with pip is needed once, to download LibTorch (Debian: python3-pip)"
}

# Downloads one wheel into a folder and holds it to its pinned digest.
fetch_wheel() {
    local name="$1" folder="$2" python="$3" version platform file digest
    read -r version platform <<<"${torch_wheel[$name]}"
    mkdir -p "$folder/$name"
    say "downloading $name $version"
    "$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --platform "$platform" \
        --python-version 3.11 --dest "$folder/$name" "$name==$version" >&2 ||
        die "could not download $name $version. Is there a network? A LibTorch that you have already can be named with \
Torch_DIR=/path/to/libtorch/share/cmake/Torch"
    file="$(find "$folder/$name" -name '*.whl' -print -quit)"
    [[ -n "$file" ]] || die "the download of $name left no file"
    digest="$(sha256sum "$file" | cut -d' ' -f1)"
    [[ "$digest" == "${torch_sha256[$name]}" ]] ||
        die "$name $version: expected SHA-256 ${torch_sha256[$name]}, got $digest; nothing was installed. Try again."
}

# Puts LibTorch into the cache, once: unpacked beside its place and renamed, so that a half tree never has the final name.
ensure_libtorch() {
    [[ -n "${Torch_DIR:-}" ]] && return
    local cache place part python name
    cache="$(cache_folder)"
    place="$cache/libtorch-$torch_version"
    [[ -e "$place/complete" ]] && return
    mkdir -p "$cache" || die "cannot make $cache; choose another place with CAMEO_CACHE"
    exec 9>"$cache/lock"
    flock 9  # another ./run may be fetching it right now
    [[ -e "$place/complete" ]] && { exec 9>&-; return; }
    [[ $(uname -m) == x86_64 ]] || die "LibTorch is fetched for x86-64 only; name another with Torch_DIR"
    [[ $(free_mib "$cache") -ge 1300 ]] ||
        die "LibTorch takes 1.3 GB in $cache while it is unpacked (0.6 GB later); make room, or set CAMEO_CACHE to a folder on another disk"
    python="$(python_with_pip)"
    rm -rf "$place" "$cache"/part.*
    part="$(mktemp -d "$cache/part.XXXXXX")"
    # shellcheck disable=SC2064
    trap "rm -rf '$part'" EXIT
    for name in torch nvidia-cuda-runtime nvidia-cuda-cupti; do
        fetch_wheel "$name" "$part/wheels" "$python"
    done
    say "unpacking LibTorch"
    unzip -q "$part/wheels/torch/"*.whl 'torch/include/*' 'torch/lib/*' 'torch/share/cmake/*' 'torch-*/licenses/*' \
        -x 'torch/lib/libtorch_cuda*' 'torch/lib/libtorch_python*' -d "$part/tree" &&
        unzip -qo "$part/wheels/nvidia-cuda-runtime/"*.whl 'nvidia/cu13/lib/*' -d "$part/tree" &&
        unzip -qo "$part/wheels/nvidia-cuda-cupti/"*.whl 'nvidia/cu13/lib/libcupti*' -d "$part/tree" ||
        die "unpacking LibTorch failed; is the disk of $cache full?"
    touch "$part/tree/complete"
    mv "$part/tree" "$place"
    rm -rf "$part"
    trap - EXIT
    exec 9>&-
}

ensure_ground() {
    ensure_packages
    ensure_libtorch
}
