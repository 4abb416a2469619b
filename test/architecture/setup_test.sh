#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ./run's set-up against a hostile world: no network, a wrong or cut download, no pip, no room. After each the cache holds
# no half tree, and the user has read a sentence that helps. Nothing is downloaded here: pip is a stand-in.
set -uo pipefail
root="$1"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
failures=0

# attempt NAME PIP_SCRIPT WANTED_TEXT: runs ensure_libtorch with a stand-in for python3, expects failure, text and a clean cache.
attempt() {
    local name="$1" script="$2" wanted="$3" words status
    rm -rf "$work/cache" "$work/bin"
    mkdir -p "$work/bin"
    printf '#!/usr/bin/env bash\n[[ "$*" == *"--version"* ]] && exit %s\ndest=.; for a in "$@"; do [[ "$p" == --dest ]] && dest="$a"; p="$a"; done\n%s\n' \
        "${4:-0}" "$script" >"$work/bin/python3"
    chmod +x "$work/bin/python3"
    words="$(PATH="$work/bin:$PATH" CAMEO_CACHE="$work/cache" Torch_DIR='' bash -c "
        set -euo pipefail; source '$root/cmake/setup.sh'; ${5:-:}; ensure_libtorch" 2>&1)"
    status=$?
    if [[ $status -eq 0 ]]; then
        echo "FAILED $name: succeeded"
        failures=$((failures + 1))
    elif [[ "$words" != *"$wanted"* ]]; then
        echo "FAILED $name: expected '$wanted' in: $words"
        failures=$((failures + 1))
    elif compgen -G "$work/cache/libtorch-*" >/dev/null || compgen -G "$work/cache/part.*" >/dev/null; then
        echo "FAILED $name: left $(ls "$work/cache")"
        failures=$((failures + 1))
    else
        echo "ok $name"
    fi
}

attempt "no network" 'echo "no route" >&2; exit 1' 'Is there a network?'
attempt "a download of other bytes" 'echo garbage >"$dest/x.whl"' 'expected SHA-256'
attempt "a download of nothing" 'exit 0' 'left no file'
attempt "no room" 'exit 0' 'make room, or set CAMEO_CACHE' 0 'free_mib() { echo 12; }'
attempt "a machine of another kind" 'exit 0' 'x86-64 only' 0 'uname() { echo riscv64; }'
attempt "no pip" 'exit 0' 'python3 with pip' 1 'pythons=(python3)'

# A cache that is complete is used as it is, without python and without a network.
rm -rf "$work/cache"
mkdir -p "$work/cache/libtorch-2.11.0"
touch "$work/cache/libtorch-2.11.0/complete"
if ! CAMEO_CACHE="$work/cache" Torch_DIR='' bash -c "set -euo pipefail; source '$root/cmake/setup.sh'
    python_with_pip() { die 'asked for pip'; }; ensure_libtorch"; then
    echo "FAILED: a complete cache was not used"
    failures=$((failures + 1))
fi

# Another LibTorch overrides the cache.
if ! CAMEO_CACHE="$work/none" Torch_DIR=/elsewhere bash -c "set -euo pipefail; source '$root/cmake/setup.sh'; ensure_libtorch" ||
    [[ -e "$work/none" ]]; then
    echo "FAILED: Torch_DIR does not override"
    failures=$((failures + 1))
fi

# A user who may not install packages reads the exact command.
words="$(bash -c "set -euo pipefail; source '$root/cmake/setup.sh'
    is_root() { false; }; dpkg-query() { return 1; }; sudo() { return 1; }
    ensure_packages" 2>&1 </dev/null)"
if [[ "$words" != *"apt-get install -y --no-install-recommends"*cmake* ]]; then
    echo "FAILED: without rights, got: $words"
    failures=$((failures + 1))
fi

[[ $failures -eq 0 ]] && echo "all passed"
exit "$failures"
