#!/bin/sh
# Makes the environment of the trackers that ours is compared with, and of a client of Polaris
# systems that has no wheels; never the product's own.
# One that cannot be installed here is left out: the comparison then says 'not installed'.
# May be interrupted and run again: what is already there stays.
set -eu

venv=$1
here=$(dirname "$0")
python=$("$here/find-python.sh")

if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    "$python" -m venv --clear "$venv"
fi

# in each call, so that no dependency brings another version
opencv="numpy==2.2.6 opencv-contrib-python-headless==4.12.0.88"
for peer in "" pupil-apriltags==1.0.4.post11 \
    "scikit-surgeryarucotracker==1.1.0 scikit-surgerycore==0.8.3 imshowTk==1.0.0" \
    "scikit-surgerynditracker==1.0.6 scikit-surgerycore==0.8.3 ndicapi==3.7.6"; do
    # shellcheck disable=SC2086
    if ! "$venv/bin/python" -m pip install --quiet --disable-pip-version-check $opencv $peer; then
        echo "setup: ${peer:-$opencv} could not be installed; the table will say so" >&2
    fi
done
