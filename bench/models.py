"""Reading an answer and building a request, against pydantic with the same members and limits."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from bench import peers
from bench.rows import Row, median, shorter

#: Decode and encode, each with what goes in as bytes or a dict; run in the environment of whom it measures.
OURS = """
from comfy_assets_api.models import AssetCreated, CreateAssetFromHashRequest
from comfy_assets_api.api.asset.create_asset_from_hash import request_arguments

def decode(content):
    return AssetCreated.from_dict(json.loads(content))

def encode(asked):
    return request_arguments(body=CreateAssetFromHashRequest(**asked))
"""
PYDANTIC = """
import uuid
from typing import Annotated, Any
from pydantic import AnyUrl, AwareDatetime, BaseModel, Field, StrictBool, StrictStr, StringConstraints

class Created(BaseModel):
    id: uuid.UUID
    name: StrictStr
    size: Annotated[int, Field(strict=True, ge=0, lt=2**63)]
    created_at: AwareDatetime
    updated_at: AwareDatetime
    created_new: StrictBool
    asset_hash: StrictStr | None = None
    mime_type: StrictStr | None = None
    tags: list[StrictStr] | None = None
    user_metadata: dict[str, Any] | None = None
    preview_url: AnyUrl | None = None
    preview_id: uuid.UUID | None = None
    prompt_id: uuid.UUID | None = None
    last_access_time: AwareDatetime | None = None
    is_immutable: StrictBool | None = None

class Asked(BaseModel):
    hash: Annotated[str, StringConstraints(strict=True, pattern=r"^(blake3|sha256):[a-f0-9]{64}$")]
    tags: Annotated[list[StrictStr], Field(min_length=1)]
    name: StrictStr | None = None
    mime_type: StrictStr | None = None
    user_metadata: dict[str, Any] | None = None

decode = Created.model_validate_json

def encode(asked):
    return Asked(**asked).model_dump_json(exclude_none=True)
"""
TIMED = """
import json, sys, time
CONTENT, ASKED = sys.argv[1].encode(), json.loads(sys.argv[2])

def timed(work, value, count):
    for _ in range(count // 10):
        work(value)
    began = time.process_time()
    for _ in range(count):
        work(value)
    return (time.process_time() - began) / count * 1e6

count = int(sys.argv[3])
print(json.dumps([timed(decode, CONTENT, count), timed(encode, ASKED, count)]))
"""
CONTENT = {
    "id": "3c90c3cc-0d44-4b50-8888-8dd25736052a", "name": "portrait.safetensors", "size": 2147483648,
    "created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05.678Z", "created_new": True,
    "asset_hash": "blake3:" + "a1" * 32, "mime_type": "application/octet-stream", "tags": ["models", "loras"],
    "user_metadata": {"source": "bench", "step": 3}, "last_access_time": "2026-01-02T03:04:05Z",
}  # fmt: skip
ASKED = {
    "hash": "blake3:" + "a1" * 32, "tags": ["models", "loras"], "name": "portrait.safetensors",
    "mime_type": "application/octet-stream", "user_metadata": {"source": "bench", "step": 3},
}  # fmt: skip


def measure(full: bool) -> list[Row]:
    """Two rows, of processor time; both take turns."""
    rounds, count = (9, 20000) if full else (3, 3000)
    ours: list[list[float]] = []
    theirs: list[list[float]] = []
    for _ in range(rounds):
        ours.append(_timed(sys.executable, OURS, os.pathsep.join(filter(None, sys.path)), count))
        theirs.append(_timed(str(peers.PYTHON), PYDANTIC, "", count))
    titles = ("decode and validate the success body", "build, validate and encode a request")
    return [
        shorter(
            title, "pydantic v2, same members and limits", median([one[place] for one in ours]),
            median([one[place] for one in theirs]), "us of CPU", 1.5,
        )
        for place, title in enumerate(titles)
    ]  # fmt: skip


def _timed(python: str, work: str, path: str, count: int) -> list[float]:
    command = [
        python,
        "-c",
        "import json\n" + work + TIMED,
        json.dumps(CONTENT),
        json.dumps(ASKED),
        str(count),
    ]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": path}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    found: list[float] = json.loads(done.stdout)
    return found
