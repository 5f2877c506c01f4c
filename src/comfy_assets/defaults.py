"""Every default in one place, each with its reason."""

from __future__ import annotations

from typing import Final

#: Seconds for one wait of a call: to connect, to send, or for the next piece of the answer. The
#: operation moves no file, so half a minute of silence means that nobody is going to answer.
TIMEOUT: Final = 30.0

#: Bytes that are read from a file at once. Measured: larger ones are no faster, and the buffer is
#: all the memory that hashing a file of any size needs.
READ_SIZE: Final = 1 << 20

#: The service's own content hash, and several times as fast as SHA-256.
ALGORITHM: Final = "blake3"

#: Where the key and the address are looked up; the vendor's own client reads the same names.
API_KEY_VARIABLE: Final = "COMFY_CLOUD_API_KEY"
BASE_URL_VARIABLE: Final = "COMFY_CLOUD_BASE_URL"
