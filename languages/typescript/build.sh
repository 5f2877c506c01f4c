#!/bin/sh
# Makes the TypeScript types from openapi.yaml and compiles the program: languages/typescript/build.sh FOLDER
# The program is FOLDER/run. The pins are package.json and, by hash, package-lock.json.
set -eu
from=$(cd "$(dirname "$0")" && pwd)
if ! cmp -s "$from/package-lock.json" "$1/package-lock.json" || [ ! -e "$1/complete" ]; then
    "$from/../../tools/npm/install.sh" "$from" "$1"
fi
cp "$from/main.ts" "$from/tsconfig.json" "$1"
cd "$1"
npx --no-install openapi-typescript "$from/../../openapi.yaml" --output client.ts >&2
npx --no-install tsc
printf '#!/bin/sh\nexec node "%s/main.js"\n' "$(pwd)" >run
chmod +x run
