#!/bin/sh
# Makes the virtual environment: exactly the locked packages, then this project as it lies here.
# May be interrupted and run again: what is already there stays.
set -eu

venv=$1
here=$(dirname "$0")
python=$("$here/find-python.sh")

if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    "$python" -m venv --clear "$venv"
fi
install() {
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
}

echo "setup: installing Python packages into $venv (about 0.9 GB the first time)"
# the lock file is complete: no package's own wishes are followed (crcmod of pyigtl has no wheel)
if ! install --no-deps --require-hashes --only-binary :all: -r requirements.lock ||
    ! install --no-deps --no-build-isolation --editable .; then
    echo "setup: pip failed (above); run make again to go on from there" >&2
    exit 1
fi
