"""Words of other people's code, an exception's above all, without the numbers and credentials that may stand in them."""

from __future__ import annotations

import re
from pathlib import PurePath

from midcall.numbers import mask
from midcall.plain import text_of

_LONGEST = 200

_PHONE_NUMBER = re.compile(
    r"""
    (?P<id>\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b)        # a UUID, which stays
    | (?:\+|%(?:25)*2B)\s?[(]?\d(?:[ ().-]{0,2}\d){6,14}(?!\d)      # international, + or %2B, spaced or not
    | (?:(?<![0-9A-Za-z])|(?<=\\[nrt]))(?:
        (?:1[ .-])?[(]?\d{3}[)]?[ .-]{1,2}\d{3}[ .-]\d{4}            # (202) 555-0142
        | \d{7,15}                                                  # digits alone, not within an id
      )(?![0-9A-Za-z])
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PASSWORD_IN_URL = re.compile(r"(?<=://)[^/\s@]+@")
_QUERY_OF_URL = re.compile(r"(\w+://[^\s?'\"]+)\?[^\s'\"]+")
_CREDENTIALS = re.compile(
    r"""
    (?P<before>
        authorization["']?\s*[:=]\s*["']?(?:(?:basic|bearer)\s+)?
        | \bbearer\s+(?=\S{8})
        | (?:key|token|secret|password)(?:=["']?|["']\s*[:=]\s*["'])
    )
    [^\s,;&'"]+
    """,
    re.VERBOSE | re.IGNORECASE,
)


def masked(text: str) -> str:
    """`text` with phone numbers masked (+1202•••0142), and without credentials and the passwords and queries of URLs.

    A number is 7 to 15 digits: with +, with a percent-encoded +, spaced, or alone. Digits within an id that also has letters
    (a UUID, a carrier's `SM…`) stay.
    """
    text = _PASSWORD_IN_URL.sub("", text)
    text = _QUERY_OF_URL.sub(r"\1?…", text)
    text = _CREDENTIALS.sub(r"\g<before>•••", text)
    return _PHONE_NUMBER.sub(_masked_number, text)


def _masked_number(found: re.Match[str]) -> str:
    if found["id"]:
        return found[0]
    plus = "+" if found[0][0] in "+%" else ""
    encoded = re.sub(r"^%(?:25)*2B", "", found[0], flags=re.IGNORECASE)
    return mask(plus + "".join(filter(str.isdigit, encoded)))


def cause(error: BaseException) -> str:
    """An exception in one line: its class, the first line of its text, and the file and line it came from.

    Plugins raise anything, an HTTP client's error with a key in its URL included: the text is masked and cut short.
    """
    lines = text_of(error).strip().splitlines()
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
