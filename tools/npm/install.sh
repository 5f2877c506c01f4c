#!/bin/sh
# Installs the programs that a package-lock.json pins, by their hashes: tools/npm/install.sh FROM FOLDER
#
# On a developer's machine without node it says so and ends well: what needs it says so again, by name.
# In continuous integration (CI=true) that fails. The file FOLDER/complete is written last.
set -eu
from=$1 folder=$2
if ! command -v npm >/dev/null 2>&1; then
    echo "npm: there is no node with npm on the PATH; install Node.js 20.19 or newer" >&2
    [ "${CI:-}" != true ] || exit 2
    exit 0
fi
echo "npm: installing the pinned programs of $from into $folder (once)" >&2
rm -rf "$folder"
mkdir -p "$folder"
cp "$from/package.json" "$from/package-lock.json" "$folder/"
# No script of a package runs; each file is held against the hash in the lock file.
(cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2) || {
    echo "npm: error: the pinned programs could not be installed; is the network reachable? Run the same command again" >&2
    exit 2
}
: >"$folder/complete"
