"""The words the host uses for what went wrong: short, with a near miss where there is one, and without numbers or secrets."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from midcall.masking import cause, kind_of, masked

__all__ = ["cause", "did_you_mean", "kind_of", "masked", "origin_of"]


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """ " Did you mean 'twilio'?", with a space before it, or nothing when no name is close."""
    close = get_close_matches(name, sorted(names), n=1, cutoff=0.7)
    return f" Did you mean {close[0]!r}?" if close else ""


def origin_of(distribution: str, version: str) -> str:
    """ "(midcall-policies 0.3)", with a space before it, or nothing when the plugin comes from no distribution."""
    words = " ".join(word for word in (distribution, version) if word)
    return f" ({words})" if words else ""
