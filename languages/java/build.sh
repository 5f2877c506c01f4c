#!/bin/sh
# Makes the Java client from openapi.yaml and compiles the program with it: languages/java/build.sh FOLDER
# The program is FOLDER/run. The pins are generator.txt, with its hash, pom.xml, and libraries.sha256.
set -eu
from=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"
# The jar comes in a package of PyPI; no more than the file itself is needed of it.
if ! cmp -s "$from/generator.txt" generator.txt; then
    echo "java: fetching the pinned generator (once)" >&2
    rm -rf generator
    "${PYTHON:-python3}" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
        --no-compile --target generator --requirement "$from/generator.txt"
    cp "$from/generator.txt" generator.txt
fi
if ! sha256sum --check --quiet "$from/libraries.sha256" >/dev/null 2>&1; then
    echo "java: fetching the pinned libraries (once)" >&2
    rm -rf lib
    mvn --quiet --batch-mode --file "$from/pom.xml" \
        org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DoutputDirectory="$(pwd)/lib"
    sha256sum --check --quiet "$from/libraries.sha256"
fi
rm -rf generated classes
java -jar generator/openapi_generator_cli/openapi-generator.jar generate --generator-name java \
    --library native --input-spec "$from/../../openapi.yaml" --output generated \
    --additional-properties apiPackage=client,modelPackage=client,invokerPackage=client,useJakartaEe=true \
    --global-property apis,models,supportingFiles,apiTests=false,modelTests=false,apiDocs=false,modelDocs=false \
    >generator.log 2>&1 || { cat generator.log >&2; exit 1; }
find generated/src/main/java -name '*.java' >sources.txt
javac -nowarn -Xlint:none -cp 'lib/*' -d classes @sources.txt "$from/Main.java"
jar --create --file run.jar -C classes .
# One run is short: the compiler that takes its time would only cost, and so would finding and checking the
# classes again each time. They are kept as a run leaves them that gets no answer.
flags='-XX:TieredStopAtLevel=1 -XX:+UseSerialGC' classpath="$(pwd)/run.jar:$(pwd)/lib/*"
rm -f classes.jsa
# shellcheck disable=SC2086 # several flags
COMFY_CLOUD_BASE_URL=http://127.0.0.1:9 COMFY_CLOUD_API_KEY=none COMFY_ASSET_HASH=none COMFY_ASSET_TAGS='[]' \
    java $flags -XX:ArchiveClassesAtExit=classes.jsa -cp "$classpath" Main >archive.log 2>&1 || true
printf '#!/bin/sh\nexec java %s -XX:SharedArchiveFile="%s" -Xshare:auto -cp "%s" Main\n' \
    "$flags" "$(pwd)/classes.jsa" "$classpath" >run
chmod +x run
