"""Sample files of the kinds that ComfyUI's users have: small, but real and readable by other programs."""

from __future__ import annotations

import json
import math
import struct
import wave
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_all(folder: Path) -> None:
    """Write the samples below a folder."""
    (folder / "input").mkdir(parents=True)
    (folder / "output").mkdir()
    (folder / "models" / "checkpoints").mkdir(parents=True)
    (folder / "models" / "vae").mkdir()
    write_png(folder / "input" / "gradient.png", 64, 64)
    write_png(folder / "input" / "Küste 海.png", 48, 32)
    write_wave(folder / "input" / "tone.wav", seconds=0.5)
    write_png(folder / "output" / "ComfyUI_00001_.png", 96, 96)
    write_safetensors(folder / "models" / "checkpoints" / "tiny.safetensors", values=1 << 18)
    write_safetensors(folder / "models" / "vae" / "tiny-vae.safetensors", values=1 << 12)
    workflow = {
        "last_node_id": 1,
        "nodes": [{"id": 1, "type": "LoadImage", "widgets_values": ["gradient.png"]}],
    }
    (folder / "workflow.json").write_text(json.dumps(workflow, indent=2), encoding="utf-8")
    (folder / "empty.txt").touch()


def write_png(path: Path, width: int, height: int) -> None:
    """An RGB picture with a gradient (PNG, section 11: IHDR, IDAT, IEND)."""
    rows = b"".join(
        b"\0" + bytes(part for x in range(width) for part in (x * 255 // width, y * 255 // height, 96))
        for y in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_wave(path: Path, seconds: float) -> None:
    """A tone of 440 Hz."""
    rate = 22050
    samples = (int(12000 * math.sin(2 * math.pi * 440 * n / rate)) for n in range(int(rate * seconds)))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))


def write_safetensors(path: Path, values: int) -> None:
    """One tensor of 32-bit floats: the length of the header, the header as JSON, the data."""
    header = {"weight": {"dtype": "F32", "shape": [values], "data_offsets": [0, 4 * values]}}
    text = json.dumps(header).encode()
    data = struct.pack("<f", 0.5) * values
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
