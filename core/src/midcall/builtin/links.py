"""Finding the links in a text the way a phone does: with a scheme or bare."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

_EDGES = "()[]{}<>\"'“”‘’«».,;:!?…"
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,30}://", re.IGNORECASE)
# Not only at the ends of words: phones make a link of "call,evil.example" too. Before or after an @ it is an e-mail address.
_BARE = re.compile(
    r"(?<![\w@.-])(?:"
    r"(?P<host>(?:[\w-]{1,63}\.)+(?:[^\W\d_]{2,24}|xn--[a-z0-9-]{2,59}))(?![\w@-])(?::\d{1,5})?(?:[/?#]\S*)?"
    r"|(?P<address>\d{1,3}(?:\.\d{1,3}){3})(?::\d{1,5})?[/?#]\S*"
    r")",
    re.IGNORECASE,
)
_FULL_STOPS = str.maketrans(
    "\u3002", "."
)  # the ideographic one separates a host's labels as well (RFC 3490, 3.1)


def hosts_in(text: str) -> tuple[str, ...]:
    """The host of every link in `text`, lower case, in order. An e-mail address is not a link."""
    plain = unicodedata.normalize("NFKC", text).translate(_FULL_STOPS)
    return tuple(host for word in plain.split() for host in _hosts_of_word(word.strip(_EDGES)))


def _hosts_of_word(word: str) -> Iterator[str]:
    scheme = _SCHEME.search(word)
    before = word[: scheme.start()] if scheme else word
    for match in _BARE.finditer(before):
        yield (match["host"] or match["address"]).lower()
    if scheme:
        # What stands before an @ is a user name: https://example.com@evil.example goes to evil.example.
        yield _host_of(word[scheme.start() :])


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
