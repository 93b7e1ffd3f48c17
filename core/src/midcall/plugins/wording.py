"""The words the host uses for what went wrong: short, with a near miss where there is one, and without numbers or secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import PurePath

from midcall.numbers import mask

_LONGEST = 200
_PHONE_NUMBER = re.compile(r"\+\d{7,15}(?!\d)")
_PASSWORD_IN_URL = re.compile(r"(?<=://)[^/\s@]+@")
_QUERY_OF_URL = re.compile(r"(\w+://[^\s?'\"]+)\?[^\s'\"]+")


def masked(text: str) -> str:
    """`text` with phone numbers masked (+1202•••0142), and the passwords and queries of URLs left out."""
    text = _PHONE_NUMBER.sub(lambda found: mask(found[0]), text)
    text = _PASSWORD_IN_URL.sub("", text)
    return _QUERY_OF_URL.sub(r"\1?…", text)


def cause(error: BaseException) -> str:
    """An exception in one line: its class, the first line of its text, and the file and line it came from.

    Plugins raise anything, an HTTP client's error with a key in its URL included: the text is masked and cut short.
    """
    lines = str(error).strip().splitlines()
    words = masked(lines[0].strip()) if lines else ""
    if len(words) > _LONGEST:
        words = words[:_LONGEST] + "…"
    text = type(error).__name__ + (f": {words}" if words else "")
    place = _place(error)
    return f"{text} (at {place})" if place else text


def kind_of(error: BaseException) -> str:
    """An exception's class and place, without its words: for a carrier's, which may hold the request and its credentials."""
    place = _place(error)
    return type(error).__name__ + (f" (at {place})" if place else "")


def _place(error: BaseException) -> str:
    """File name and line where `error` was raised; no folders, they tell of the machine and not of the mistake."""
    trace = error.__traceback__
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    file = PurePath(trace.tb_frame.f_code.co_filename).name
    # An import that fails does so inside importlib, whose frames say nothing of the plugin.
    return "" if file.startswith("<") else f"{file}:{trace.tb_lineno}"


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """ " Did you mean 'twilio'?", with a space before it, or nothing when no name is close."""
    close = get_close_matches(name, sorted(names), n=1, cutoff=0.7)
    return f" Did you mean {close[0]!r}?" if close else ""


def origin_of(distribution: str, version: str) -> str:
    """ "(midcall-policies 0.3)", with a space before it, or nothing when the plugin comes from no distribution."""
    words = " ".join(word for word in (distribution, version) if word)
    return f" ({words})" if words else ""
