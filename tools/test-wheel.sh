#!/bin/sh
# Runs the package's tests against the built wheel: tools/test-wheel.sh pinned|oldest|newest [TESTS...]
#
# The wheel, its extras and the test tools are all that the environment has; src/ and generated/ are not on
# its path, and `--installed` has the tests refuse to begin where they would be. `pinned` and `oldest` are the
# hashed versions in requirements/; `newest` is whatever the index has today.
set -eu
versions=$1
shift
python=${PYTHON:-python3}

fail() {
    echo "test-wheel: error: $1" >&2
    exit 2
}

case $versions in
    pinned) pins=requirements/dev.txt ;;
    oldest) pins=requirements/oldest.txt ;;
    newest) pins= ;;
    *) fail "VERSIONS is $versions; it is one of pinned, oldest, newest" ;;
esac
name=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') || fail "there is no $python; name another: make PYTHON=..."
folder=.cache/wheel/$name-$versions
pip="$folder/bin/python -m pip --quiet --disable-pip-version-check"

if [ -z "$pins" ]; then
    echo "test-wheel: installing the newest versions into $folder" >&2
    rm -rf "$folder"
    "$python" -m venv "$folder" || fail "$python cannot make a virtual environment"
    builds=$("$folder/bin/python" -c 'import tomllib
print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])')
    # Names and bounds, a word each.
    $pip install $builds || fail "$builds could not be installed; is the network reachable?"
elif [ ! -e "$folder/complete" ] || [ -n "$(find "$pins" tools/setup.sh -newer "$folder/complete")" ]; then
    PYTHON="$python" tools/setup.sh "$folder" "$pins"
fi

dist=$folder/dist
rm -rf "$dist"
"$folder/bin/python" -m hatchling build -t wheel -d "$dist" >/dev/null 2>&1 ||
    fail "the wheel could not be built: $("$folder/bin/python" -m hatchling build -t wheel -d "$dist" 2>&1 | tail -n 1)"
wheel=$(echo "$dist"/*.whl)
if [ -z "$pins" ]; then
    extras=$("$folder/bin/python" -c 'import tomllib
print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"], sep=",")')
    $pip install --no-compile "$wheel[$extras]" --requirement requirements/dev.in ||
        fail "the newest versions could not be installed together"
else
    $pip install --no-compile --no-deps --force-reinstall "$wheel"
fi
$pip check || fail "what is installed does not fit together"

"$folder/bin/python" -c 'import sys, comfy_assets
print("test-wheel: Python %d.%d.%d," % sys.version_info[:3], comfy_assets.__file__, file=sys.stderr)'
exec "$folder/bin/python" -m pytest --installed --quiet -n auto --dist loadfile -p no:cacheprovider "$@"
