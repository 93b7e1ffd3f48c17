"""Ids that sort by the time they were made, so that an index on them grows at one end only."""

from __future__ import annotations

import os
import time
import uuid


def new_message_id() -> str:
    """A version 7 UUID (RFC 9562): 48 bits of Unix milliseconds, 12 bits of the fraction below, 62 random bits.

    The standard library has `uuid.uuid7` from Python 3.14 on. The 12 bits are the RFC's method 3: ids made within one
    millisecond still sort, to about a quarter of a microsecond.
    """
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    fraction = nanoseconds * 4096 // 1_000_000
    random = int.from_bytes(os.urandom(8), "big") & ((1 << 62) - 1)
    value = (milliseconds & ((1 << 48) - 1)) << 80 | 7 << 76 | fraction << 64 | 0b10 << 62 | random
    return str(uuid.UUID(int=value))
