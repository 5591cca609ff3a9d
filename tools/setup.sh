#!/bin/bash
# setup.sh -- installs what a build needs and is not there: Debian 12, 13, Ubuntu 24.04.
#   tools/setup.sh         compiler, CMake and the libraries
#   tools/setup.sh tests   and the Python packages that the tests compare us with, in build/venv
#   tools/setup.sh bench   and what the benchmarks compare us with, in build/venv-bench
# Takes a moment when nothing is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

packages="gcc libc6-dev cmake ninja-build pkg-config libdnnl-dev libhdf5-dev libyaml-dev
          libjpeg-dev libpng-dev libjansson-dev libssl-dev"
optional= # not in every release: the tests that want it are skipped without
case "${1:-}" in
    tests) packages+=" python3-venv g++" # the header is C++ too
           optional="libonnx-testdata" ;;
    bench) packages+=" python3-venv python3-dev g++" ;; # torch.compile writes C++
esac

# The packages that dpkg does not have; of the optional ones those that apt knows.
missing() {
    local have
    have=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' $packages $optional \
        2>/dev/null || true)
    for p in $packages; do
        grep -qx "$p installed" <<<"$have" || echo "$p"
    done
    for p in $optional; do
        grep -qx "$p installed" <<<"$have" || ! apt-cache show "$p" &>/dev/null || echo "$p"
    done
}

install_packages() {
    local names as_root=()
    names=$(missing | xargs)
    [ -n "$names" ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "setup: packages are missing, and installing them takes root. Run once:" >&2
            echo "    apt-get update && apt-get install -y $names" >&2
            exit 1
        fi
        as_root=(sudo)
    fi
    echo "setup: installing $names"
    "${as_root[@]}" apt-get update -qq
    names=$(missing | xargs) # apt may know more now
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends $names >/dev/null
}

# What is in the folder is written beside it, so that a change of the list is seen.
install_python() { # folder, list, who needs it
    local venv=$1 want=$2
    if [ -x $venv/bin/python3 ] && cmp -s $want $venv/requirements.txt; then
        return 0
    fi
    echo "setup: Python packages for the $3, into $venv"
    python3 -m venv $venv
    if ! $venv/bin/python3 -m pip install -q --disable-pip-version-check -r $want; then
        echo "setup: the $3 need the packages of $want from PyPI; without them," >&2
        echo "    \`make build\` and \`ctest --preset cpu -LE python\` still work" >&2
        exit 1
    fi
    cp $want $venv/requirements.txt
}

if command -v dpkg-query >/dev/null; then
    install_packages
else
    echo "setup: no apt here; these are needed, under the names they have with you:" $packages
fi
case "${1:-}" in
    tests) install_python build/venv tests/requirements.txt tests ;;
    bench) install_python build/venv-bench bench/requirements.txt benchmarks ;;
esac
