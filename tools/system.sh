#!/bin/sh
# Installs what the tests want of the system and Python packages cannot bring: tools/system.sh
#
# A browser for the HTML pages, and the shells whose completion is tried. Debian and Ubuntu; elsewhere it names them.
set -eu
missing=
for program in chromium zsh fish; do
    command -v "$program" >/dev/null 2>&1 || missing="$missing $program"
done
[ -n "$missing" ] || exit 0
command -v apt-get >/dev/null 2>&1 || { echo "system: please install:$missing" >&2; exit 2; }
as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
$as_root apt-get -qq update
# shellcheck disable=SC2086 # words are meant
DEBIAN_FRONTEND=noninteractive $as_root apt-get -qq install --yes --no-install-recommends $missing >/dev/null
