#!/bin/sh
# openapi.yaml + overrides/ -> generated/. See ./generate.sh --help.
#
# The work is done by tools/generate/; -I and -S keep what is installed for other purposes out of it.
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 2
for python in ${PYTHON:-} python3 python; do
    if command -v "$python" >/dev/null 2>&1; then
        exec "$python" -I -S -B "$here/tools/generate/__main__.py" "$@"
    fi
done
echo "generate.sh: error: there is no python3 on the PATH" >&2
exit 2
