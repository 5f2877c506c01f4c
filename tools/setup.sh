#!/bin/sh
# Makes a virtual environment from hashed pins: tools/setup.sh FOLDER PINS [--editable]
#
# With --editable this project is installed into it, so that FOLDER/bin/comfy-assets runs the checkout.
# The file FOLDER/complete is written last: without it the next run starts afresh.
set -eu
folder=$1 pins=$2 editable=${3:-}
python=${PYTHON:-python3}

fail() {
    echo "setup: error: $1" >&2
    exit 2
}

command -v "$python" >/dev/null 2>&1 || fail "there is no $python; install Python 3.11 or newer, or name it: make PYTHON=..."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$python is $("$python" --version 2>&1); Python 3.11 or newer is needed: make PYTHON=..."

echo "setup: installing $(grep -c '==' "$pins") pinned packages into $folder (once)" >&2
rm -rf "$folder"
mkdir -p "$(dirname "$folder")"
"$python" -m venv "$folder" || fail "$python cannot make a virtual environment (Debian: apt-get install python3-venv)"
pip="$folder/bin/python -m pip --quiet --disable-pip-version-check"
$pip install --no-deps --require-hashes --no-compile --requirement "$pins" ||
    fail "the pinned packages could not be installed; is the network reachable? Run the same command again"
if [ "$editable" = --editable ]; then
    $pip install --no-deps --no-build-isolation --no-compile --editable . || fail "this project could not be installed"
fi
: >"$folder/complete"
