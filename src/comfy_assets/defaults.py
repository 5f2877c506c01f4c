"""Every default in one place, each with its reason."""

from __future__ import annotations

from typing import Final

#: Seconds for a whole call, repeats and the waits between them included. The operation moves no file:
#: what has not succeeded after a minute is better told than waited for.
TIMEOUT: Final = 60.0

#: Bytes that are read from a file at once. Measured: larger ones are no faster, and the buffer is
#: all the memory that hashing a file of any size needs.
READ_SIZE: Final = 1 << 20

#: The service's own content hash, and several times as fast as SHA-256.
ALGORITHM: Final = "blake3"

#: Where the key and the address are looked up; the vendor's own client reads the same names.
API_KEY_VARIABLE: Final = "COMFY_CLOUD_API_KEY"
BASE_URL_VARIABLE: Final = "COMFY_CLOUD_BASE_URL"

#: Bytes of an answer that are read, decompressed. An answer is a few hundred bytes and the metadata that
#: the caller sent; a service, or somebody in between, that sends more is worth neither the memory nor the
#: time, which no deadline bounds once the answer is here.
LARGEST_ANSWER: Final = 2 << 20

#: Connections of one client at most, and seconds that an unused one is kept. As httpx: more than any
#: caller has in flight, and shorter than services keep theirs.
CONNECTIONS: Final = 100
KEEP_ALIVE: Final = 5.0

#: Requests in flight while a library is registered: enough to hide a round trip to a distant service, few
#: enough that a run that is killed repeats little.
CONCURRENCY: Final = 16

#: Files that are read at once. Measured: two cores are memory-bound with two; more only wait for disks.
HASH_THREADS: Final = 4

#: Seconds that a service may put off every request on end before a run stops; it can be started again.
PATIENCE: Final = 900.0
