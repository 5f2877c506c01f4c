#!/bin/sh
# Makes the Rust client from openapi.yaml and builds the program with it: languages/rust/build.sh FOLDER
# The program is FOLDER/run. The pins are crates.lock: a Cargo.lock, with its hashes, that does not say where
# crates come from. To make it anew: cargo update in FOLDER, then sed '/^source/d' Cargo.lock >crates.lock
set -eu
# rustup's cargo looks for its toolchains in HOME, which need not be the one that it was installed for.
if ! cargo --version >/dev/null 2>&1; then
    rustup=$(dirname "$(dirname "$(dirname "$(command -v cargo)")")")/.rustup
    if [ -d "$rustup" ]; then export RUSTUP_HOME="$rustup"; fi
fi
from=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"
cp "$from/main.rs" "$from/Cargo.toml" "$from/../../openapi.yaml" .
if ! cmp -s "$from/crates.lock" crates.lock; then
    # How this cargo names its registry stands in a lock file that it makes by itself.
    rm -f Cargo.lock
    cargo generate-lockfile --quiet
    index=$(grep --max-count=1 '^source' Cargo.lock)
    sed "s|^checksum|$index\n&|" "$from/crates.lock" >Cargo.lock
    cp "$from/crates.lock" crates.lock
fi
cargo build --quiet --locked --target-dir target
cp target/debug/run run
