"""Finding the links in a text the way a phone does: with a scheme or bare."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

_EDGES = "()[]{}<>\"'“”‘’«».,;:!?…"
_BARE = re.compile(
    r"(?P<host>(?:[\w-]{1,63}\.)+(?:[^\W\d_]{2,24}|xn--[a-z0-9-]{2,59}))\.?(?::\d{1,5})?(?:[/?#].*)?",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"(?P<host>\d{1,3}(?:\.\d{1,3}){3})(?::\d{1,5})?(?:[/?#].*)")


def hosts_in(text: str) -> tuple[str, ...]:
    """The host of every link in `text`, lower case, in order. An e-mail address is not a link."""
    found = []
    for word in text.split():
        bare = word.strip(_EDGES)
        start = re.search(r"[a-z][a-z0-9+.-]*://", bare, re.IGNORECASE)
        if start:
            # What stands before an @ is a user name: https://example.com@evil.example goes to evil.example.
            found.append(_host_of(bare[start.start() :]))
        elif match := (_BARE.fullmatch(bare) or _ADDRESS.fullmatch(bare)):
            found.append(match["host"].lower())
    return tuple(found)


def _host_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or url).rstrip(".").lower()
    except ValueError:
        return url.lower()  # a malformed host is still a link, and matches no allowed one


def hosts_outside(text: str, allowed: Iterable[str]) -> tuple[str, ...]:
    """Those of the text's hosts that are neither one of `allowed` nor below one."""
    names = [name.lower().strip(".") for name in allowed]
    return tuple(
        host
        for host in hosts_in(text)
        if not any(host == name or host.endswith(f".{name}") for name in names)
    )
