#!/bin/sh
# Makes the Go client from openapi.yaml and builds the program with it: languages/go/build.sh FOLDER
# The program is FOLDER/run. The pins are go.mod and, by hash, go.sum.
set -eu
from=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1/client"
cp "$from/main.go" "$from/go.mod" "$from/go.sum" "$from/oapi-codegen.yaml" "$1"
cd "$1"
# A Go that is older than go.mod asks for may fetch that one, as a module.
export GOFLAGS=-mod=readonly GOTOOLCHAIN="${GOTOOLCHAIN:-auto}"
go tool oapi-codegen -config oapi-codegen.yaml "$from/../../openapi.yaml"
go build -o run .
