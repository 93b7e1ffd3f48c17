"""How many segments a text takes on the wire.

A text that fits one segment has 160 units of GSM-7 or 70 of UCS-2. A longer one gives up room in every segment for the
header that joins them again: 153 and 67. Characters of the extension table (`€`, `[`, ...) take two units of GSM-7, and
characters outside the basic plane (emoji) two of UCS-2. Neither pair may be cut by the end of a segment, so a unit can
be lost there and dividing the length by 153 or 67 counts too few.

Sources: 3GPP TS 23.038 section 6.2 and TS 23.040 section 9.2.3.24.1 (8-bit reference); the boundary cases agree with
Twilio's calculator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from midcall.content.charsets import GSM7, Charset

__all__ = ["Segments", "count_segments"]

_SINGLE: Final = {"GSM-7": 160, "UCS-2": 70}
_JOINED: Final = {"GSM-7": 153, "UCS-2": 67}
_LAST_OF_BASIC_PLANE: Final = "\uffff"


@dataclass(frozen=True, slots=True)
class Segments:
    """What a text costs on the wire."""

    count: int
    """Segments the text takes. 0 for the empty text: there is nothing to carry (a picture without words)."""
    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    """Units of the text itself: septets of GSM-7 or 16-bit units of UCS-2. Units lost at a boundary are not in it."""
    units_left_in_last: int
    """Free units in the last segment as it stands; 0 for the empty text."""
    per_segment: int
    """Units one segment of this text holds: 160 or 70 when it is alone, else 153 or 67."""
    offenders: tuple[str, ...] = ()
    """The characters that force UCS-2, each once, in order of appearance; empty for GSM-7."""


def count_segments(text: str, charset: Charset = GSM7) -> Segments:
    """Count the segments of `text` in `charset`, or in UCS-2 when the charset lacks any of its characters.

    Counts the text as it is: a carrier's "smart encoding" may replace characters and need fewer.
    """
    seen = set(text)
    if any(char not in charset for char in seen):
        # Order matters to a person who looks for the culprit, so this pass is in order; it is off the common path.
        offenders = tuple(dict.fromkeys(char for char in text if char not in charset))
        return _pack(text, "UCS-2", {char for char in seen if char > _LAST_OF_BASIC_PLANE}, offenders)
    return _pack(text, "GSM-7", seen & charset.extension, ())


def _pack(
    text: str, encoding: Literal["GSM-7", "UCS-2"], doubles: set[str], offenders: tuple[str, ...]
) -> Segments:
    """Fill segments in order; `doubles` are the characters of two units."""
    units = len(text) + sum(text.count(char) for char in doubles)
    if not text:
        return Segments(0, encoding, 0, 0, _SINGLE[encoding], offenders)
    if units <= _SINGLE[encoding]:
        return Segments(1, encoding, units, _SINGLE[encoding] - units, _SINGLE[encoding], offenders)

    size = _JOINED[encoding]
    if not doubles:
        count, filled = divmod(units, size)
        if filled:
            return Segments(count + 1, encoding, units, size - filled, size, offenders)
        return Segments(count, encoding, units, 0, size, offenders)

    count, filled = 1, 0
    for char in text:
        width = 2 if char in doubles else 1
        if filled + width > size:
            count, filled = count + 1, 0
        filled += width
    return Segments(count, encoding, units, size - filled, size, offenders)
