#!/bin/sh
# Makes requirements/*.txt anew: every package that is needed, at one version, with the hashes of all
# its files, for every system and Python that we support; and no word of where they were downloaded.
set -eu
. .venv/bin/activate
python -m pip --quiet --disable-pip-version-check install uv
compile() {
    output=$1
    shift
    [ -z "${ONLY:-}" ] || [ "$ONLY" = "$output" ] || return 0
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-header --no-annotate --no-emit-index-url --upgrade --output-file "requirements/$output.txt" "$@"
    echo "requirements/$output.txt"
}
# The versions that the lower bounds name, with the newest of all that is not named.
oldest=$(mktemp)
trap 'rm -f "$oldest"' EXIT
uv pip compile --quiet --universal --python-version 3.11 --all-extras --resolution lowest-direct \
    --no-header --no-annotate --output-file "$oldest" pyproject.toml
compile oldest --all-extras --constraint "$oldest" pyproject.toml requirements/dev.in
compile base pyproject.toml
compile generate requirements/generate.in
compile vendor requirements/vendor.in
compile bench requirements/bench.in
compile mutation --all-extras pyproject.toml requirements/mutation.in
compile docs --extra cluster pyproject.toml requirements/docs.in
compile dev --all-extras pyproject.toml requirements/dev.in
