#!/bin/sh
# Makes sure that the system has what Open3D, VTK and Qt load, and what makes a virtual
# environment; with --tests also the virtual screen and the C++ library of OpenIGTLink. Installs
# by apt-get when it may, otherwise stops with one line that names what is missing. Calls apt-get
# only if something is.
#
# scripts/libraries.txt: shared libraries that the wheels load but do not bring, and the Debian
# package of each (found with ldd on the wheels and by running them in a bare Debian 12).
set -eu

here=$(dirname "$0")
python=$("$here/find-python.sh")

missing_libraries() {
    "$python" -c '
import ctypes, sys
for line in sys.stdin:
    library, package = line.split()
    try:
        ctypes.CDLL(library)
    except OSError:
        print(f"{library} ({package})" if sys.argv[1] == "names" else package)
' "$1" <"$here/libraries.txt"
}

missing_tools() {
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        case $("$python" -c 'import os, sys; print(os.path.realpath(sys.executable))') in
        "$(realpath /usr/bin/python3 2>/dev/null)") echo python3-venv ;;
        *) "$python" -c 'import sys; print("python{}.{}-venv".format(*sys.version_info))' ;;
        esac
    fi
    if [ "${1:-}" = --tests ]; then
        { command -v xvfb-run && command -v Xvfb; } >/dev/null || echo xvfb
        command -v xauth >/dev/null || echo xauth
        # another program's OpenIGTLink, against which ours is tested
        [ -n "$(command -v c++)" ] || echo g++
        [ -e /usr/include/openigtlink/igtlTransformMessage.h ] || echo libopenigtlink-dev
    fi
}

[ "$(uname -s)" = Linux ] || exit 0 # elsewhere the wheels bring everything

if ! command -v apt-get >/dev/null; then
    missing=$(missing_tools "$@" && missing_libraries names)
    [ -z "$missing" ] && exit
    echo "setup: missing on this system (Debian's package name in brackets): $(echo "$missing" |
        paste -sd, - | sed 's/,/, /g'); install them, then run make again" >&2
    exit 1
fi

missing=$( (missing_tools "$@" && missing_libraries packages) | sort -u | tr '\n' ' ')
missing=${missing% }
[ -z "$missing" ] && exit

if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    echo "setup: system packages are missing; as root, run: apt-get update &&" \
        "apt-get install -y --no-install-recommends $missing" >&2
    exit 1
fi

echo "setup: installing system packages: $missing"
apt() {
    # shellcheck disable=SC2086  # empty, or two words
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@"
}
apt update || true # an unreachable extra source need not matter
# shellcheck disable=SC2086  # a list of packages
if ! apt install -y --no-install-recommends $missing >/dev/null; then
    echo "setup: apt-get failed (above); as root, run: apt-get update &&" \
        "apt-get install -y --no-install-recommends $missing" >&2
    exit 1
fi
still=$( (missing_tools "$@" && missing_libraries names) | paste -sd' ' -)
if [ -n "$still" ]; then
    echo "setup: installed, but still not found: $still" >&2
    exit 1
fi
