"""Which known name somebody probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str], *, cutoff: float = 0.75) -> str | None:
    """The one of `known` that is most like `name`, or None when nothing is alike.

    Upper and lower case, `-` and `_` count as the same. `cutoff` is the least likeness, from 0 (anything) to 1 (equal).
    """
    spelt: dict[str, str] = {}
    for candidate in known:
        spelt.setdefault(_plain(candidate), candidate)
    found = get_close_matches(_plain(name), list(spelt), n=1, cutoff=cutoff)
    return spelt[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` Did you mean token?` with its leading space, or nothing."""
    match = nearest(name, known)
    return f" Did you mean {match}?" if match is not None else ""


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")
