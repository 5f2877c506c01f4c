#!/bin/sh
# Installs what the tests want of the system and Python packages cannot bring: tools/system.sh
#
# A browser for the HTML pages, the shells whose completion is tried, and what builds the clients in other
# languages; Go and Rust are the user's to install. Debian and Ubuntu; elsewhere it names what is missing.
set -eu
missing=
need() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }
need chromium chromium
need zsh zsh
need fish fish
need npm npm
need javac default-jdk-headless
need mvn maven
need cc gcc
[ -n "$missing" ] || exit 0
command -v apt-get >/dev/null 2>&1 || { echo "system: please install:$missing" >&2; exit 2; }
as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
$as_root apt-get -qq update
# shellcheck disable=SC2086 # words are meant
DEBIAN_FRONTEND=noninteractive $as_root apt-get -qq install --yes --no-install-recommends $missing >/dev/null
