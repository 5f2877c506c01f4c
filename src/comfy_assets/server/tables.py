"""The tables of the database, the same on every kind of it: SQLAlchemy Core.

meta       what the database is: its version, and the salt of the keys' digests
owner      one row per key, which itself is not stored
key        the keys that are accepted at every start, until they are revoked
content    one row per content ever indexed, by both hashes; never deleted
file       the files that hold it now; content without a file is not stored any more
reference  what an owner made; one per owner, content and name
"""

from __future__ import annotations

import time

import sqlalchemy as sa

#: The version of the tables below. A database of another one is refused.
VERSION = "3"
METADATA = sa.MetaData()
META = sa.Table(
    "meta",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
OWNER = sa.Table(
    "owner",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key_digest", sa.Text, nullable=False, unique=True),
)
KEY = sa.Table(
    "key",
    METADATA,
    sa.Column("owner_id", sa.ForeignKey(OWNER.c.id), primary_key=True),
    sa.Column("label", sa.Text, nullable=False),
    # Microseconds since 1970.
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("revoked_at", sa.BigInteger),
)
CONTENT = sa.Table(
    "content",
    METADATA,
    sa.Column("blake3", sa.Text, primary_key=True),
    sa.Column("sha256", sa.Text, nullable=False, unique=True),
    sa.Column("size", sa.BigInteger, nullable=False),
)
FILE = sa.Table(
    "file",
    METADATA,
    # Bytes, because a path need not be text.
    sa.Column("path", sa.LargeBinary, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("mtime_ns", sa.BigInteger, nullable=False),
    sa.Column("mime_type", sa.Text),
    sa.Column("blake3", sa.ForeignKey(CONTENT.c.blake3), nullable=False, index=True),
    # The folder that brought it into the index; empty for one that was added by itself.
    sa.Column("root", sa.LargeBinary, nullable=False, index=True),
)
REFERENCE = sa.Table(
    "reference",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("owner_id", sa.ForeignKey(OWNER.c.id), nullable=False),
    sa.Column("blake3", sa.ForeignKey(CONTENT.c.blake3), nullable=False),
    # A digest stands in the key for the name: a name can be longer than a database lets a key be.
    sa.Column("name_digest", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("mime_type", sa.Text),
    # JSON as text: numbers come back as they were, however large.
    sa.Column("tags", sa.Text, nullable=False),
    sa.Column("user_metadata", sa.Text, nullable=False),
    # Microseconds since 1970.
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("updated_at", sa.BigInteger, nullable=False),
    sa.Column("last_access_time", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("owner_id", "blake3", "name_digest"),
)


def now() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000
