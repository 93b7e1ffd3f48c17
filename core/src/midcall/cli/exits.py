"""What the exit code means. Scripts may rely on these."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """::

    0    it was done, or would be
    1    the text was rejected, or the check failed
    2    the command, a setting or a file is wrong; the message says which
    3    the outcome is unknown: it may have been sent, do not run it again
    4    the ledger cannot be used
    70   Midcall itself failed
    130  stopped by the keyboard
    """

    OK = 0
    REJECTED = 1
    USAGE = 2
    UNKNOWN = 3
    LEDGER = 4
    FAULT = 70
    STOPPED = 130
