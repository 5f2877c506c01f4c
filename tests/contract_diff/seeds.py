"""Changes of the contract with the verdict that each must get, as a table.

A change is a text that stands in the contract and what replaces it, so that each is a change of the file as
a person makes it. The verdicts follow from what the issue of versions says: it follows callers and generated
code; added, loosened in requests or narrowed in answers is minor.
"""

from __future__ import annotations

from attrs import frozen


@frozen
class Seed:
    """One change and its verdict; `servers` says whether a server may break the contract by it."""

    name: str
    demands: str
    edits: tuple[tuple[str, str], ...]
    servers: bool = False


_POST = "/api/assets/from-hash:\n    post:"
_NAME = (
    "        name:\n          type: string\n          description: Name under which the reference is shown.\n"
)
_FILE_NAME = "        name:\n          type: string\n          description: File name of the asset.\n"
_IMMUTABLE = (
    "        is_immutable:\n          type: boolean\n"
    "          description: True where the asset can be neither changed nor deleted.\n"
)
_SCHEME = "    ApiKeyAuth:\n      type: apiKey\n      in: header\n"
_404 = '        "404":\n          description: No stored content has this hash.\n'


def _in_name(line: str) -> tuple[tuple[str, str], ...]:
    return ((_NAME, f"{_NAME}          {line}\n"),)


def _in_file_name(line: str) -> tuple[tuple[str, str], ...]:
    return ((_FILE_NAME, f"{_FILE_NAME}          {line}\n"),)


SEEDS: tuple[Seed, ...] = (
    Seed("nothing", "none", ()),
    Seed("a comment", "none", (("openapi: 3.0.3", "# A comment.\nopenapi: 3.0.3"),)),
    Seed("order of keys", "none", (("      operationId: createAssetFromHash\n      summary: Create an asset reference from an existing hash\n", "      summary: Create an asset reference from an existing hash\n      operationId: createAssetFromHash\n"),)),
    Seed("only the version", "none", (("version: 1.0.0", "version: 1.0.1"),)),
    Seed("description", "patch", (("Size of the content in bytes.", "Bytes."),)),
    Seed("example", "patch", (("size: 123", "size: 124"),)),
    Seed("example that no longer fits", "patch", (("hash: sha256:e3b0", "hash: e3b0"),)),
    Seed("summary", "patch", (("summary: Create an asset reference from", "summary: Make one from"),)),
    Seed("provenance", "patch", (('x-transcribed: "2026-11-23"', 'x-transcribed: "2026-12-01"'),)),
    Seed("operationId", "major", (("operationId: createAssetFromHash", "operationId: createReference"),)),
    Seed("path", "major", (("/api/assets/from-hash:", "/api/assets/by-hash:"),), servers=True),
    Seed("method", "major", ((_POST, _POST.replace("post", "put")),), servers=True),
    Seed("tag", "major", (("      tags:\n        - asset\n", "      tags:\n        - other\n"),)),
    Seed("server changed", "major", (("- url: https://cloud.comfy.org", "- url: https://other.example"),)),
    Seed("server added", "minor", (("- url: https://cloud.comfy.org", "- url: https://cloud.comfy.org\n  - url: https://eu.example"),)),
    Seed("key header renamed", "major", (("name: X-API-Key", "name: X-Key"),), servers=True),
    Seed("scheme renamed", "patch", ((_SCHEME, _SCHEME.replace("ApiKeyAuth", "Key")), ("- ApiKeyAuth: []", "- Key: []"))),
    Seed("no key", "minor", (("      security:\n        - ApiKeyAuth: []\n", "      security:\n        - ApiKeyAuth: []\n        - {}\n"),), servers=True),
    Seed("status added", "minor", ((_404, f'        "409":\n          description: Conflict.\n          content:\n            application/json:\n              schema:\n                $ref: "#/components/schemas/ErrorResponse"\n{_404}'),)),
    Seed("status changed", "major", (('        "404":', '        "410":'),)),
    Seed("required member added to the request", "major", ((_NAME, "        kind:\n          type: string\n" + _NAME), ("      required:\n        - hash\n", "      required:\n        - hash\n        - kind\n"))),
    Seed("optional member added to the request", "minor", ((_NAME, "        kind:\n          type: string\n" + _NAME),), servers=True),
    Seed("optional member removed from the request", "major", ((_NAME, ""),)),
    Seed("optional member made required", "major", (("      required:\n        - hash\n", "      required:\n        - hash\n        - name\n"),)),
    Seed("required member made optional", "minor", (("        - hash\n        - tags\n", "        - hash\n"),), servers=True),
    Seed("pattern loosened", "minor", (('"^(blake3|sha256):', '"^(blake3|sha256|md5):'),), servers=True),
    Seed("pattern tightened", "major", (('"^(blake3|sha256):', '"^(blake3):'),)),
    Seed("pattern changed", "major", (('"^(blake3|sha256):', '"^(blake3|md5):'),), servers=True),
    Seed("pattern removed", "minor", (('          pattern: "^(blake3|sha256):[a-f0-9]{64}$"\n', ""), ("          x-provenance:\n            pattern: published\n        tags:", "        tags:")), servers=True),
    Seed("pattern written otherwise", "patch", (('"^(blake3|sha256):[a-f0-9]{64}$"', '"^(sha256|blake3):[0-9a-f]{64}$"'),)),
    Seed("pattern of an answer loosened", "major", (('"^blake3:[a-f0-9]{64}$"', '"^(blake3|sha256):[a-f0-9]{64}$"'),)),
    Seed("pattern of an answer tightened", "minor", (('"^blake3:[a-f0-9]{64}$"', '"^blake3:[a-f0-8]{64}$"'),), servers=True),
    Seed("minItems raised", "major", (("minItems: 1", "minItems: 2"),)),
    Seed("minItems lowered", "minor", (("minItems: 1", "minItems: 0"),), servers=True),
    Seed("maxItems added", "major", (("minItems: 1", "minItems: 1\n          maxItems: 32"),)),
    Seed("maxLength added", "major", _in_name("maxLength: 255")),
    Seed("maxLength of an answer added", "minor", _in_file_name("maxLength: 255"), servers=True),
    Seed("type of a request's member", "major", ((_NAME, _NAME.replace("string", "integer")),), servers=True),
    Seed("type of an answer's member", "major", ((_FILE_NAME, _FILE_NAME.replace("string", "integer")),), servers=True),
    Seed("null allowed in a request", "minor", _in_name("nullable: true"), servers=True),
    Seed("null allowed in an answer", "major", _in_file_name("nullable: true")),
    Seed("least value of an answer", "minor", (("          format: int64\n", "          format: int64\n          minimum: 0\n"),), servers=True),
    Seed("another form of hash", "minor", (('          type: string\n          pattern: "^(blake3|sha256):[a-f0-9]{64}$"\n', '          anyOf:\n            - type: string\n              pattern: "^(blake3|sha256):[a-f0-9]{64}$"\n            - type: string\n              maxLength: 10\n'),), servers=True),
    Seed("null refused in an answer", "minor", (("nullable: true", "nullable: false"),), servers=True),
    Seed("enum added to a request", "major", _in_name("enum: [a, b]")),
    Seed("answer's member added", "minor", ((_IMMUTABLE, _IMMUTABLE + "        kind:\n          type: string\n"),)),
    Seed("answer's member removed", "major", ((_IMMUTABLE, ""),)),
    Seed("answer's member made optional", "major", (("        - size\n", ""),)),
    Seed("answer's member made required", "minor", (("        - created_new\n", "        - created_new\n        - is_immutable\n"),), servers=True),
    Seed("format of a request's member added", "major", _in_name("format: uuid")),
    Seed("format of an answer's member removed", "major", (("          format: uri\n", ""),)),
    Seed("format of an answer's member added", "minor", _in_file_name("format: uri"), servers=True),
    Seed("default added", "minor", _in_name("default: untitled"), servers=True),
    Seed("unknown members refused in requests", "major", (("    CreateAssetFromHashRequest:\n      type: object\n", "    CreateAssetFromHashRequest:\n      type: object\n      additionalProperties: false\n"),)),
    Seed("body made optional", "minor", (("        required: true\n", "        required: false\n"),), servers=True),
    Seed("schema renamed", "major", (("AssetCreated", "AssetReference"),)),
    Seed("content type", "major", (('        content:\n          application/json:\n            schema:\n              $ref: "#/components/schemas/CreateAssetFromHashRequest"', '        content:\n          application/cbor:\n            schema:\n              $ref: "#/components/schemas/CreateAssetFromHashRequest"'),), servers=True),
    Seed("part of a schema named", "patch", ((_NAME, '        name:\n          allOf:\n            - $ref: "#/components/schemas/Text"\n          description: Name under which the reference is shown.\n'), ("    ErrorResponse:\n      type: object", "    Text:\n      type: string\n\n    ErrorResponse:\n      type: object"))),
)  # fmt: skip
