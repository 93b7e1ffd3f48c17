"""How many SMS segments a body takes: GSM-7 if every character has a place in it, else UCS-2.

Source: 3GPP TS 23.038 and TS 23.040. A character that takes two units never straddles two segments, which is
why dividing the length is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable

_GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_EXTENSION = frozenset("\f^{}\\[~]|€")


def segments(body: str) -> int:
    """The number of segments of an SMS with this body; an empty one takes 1."""
    if all(character in _GSM7 or character in _GSM7_EXTENSION for character in body):
        return _filled((2 if character in _GSM7_EXTENSION else 1 for character in body), alone=160, part=153)
    return _filled((2 if ord(character) > 0xFFFF else 1 for character in body), alone=70, part=67)


def _filled(units: Iterable[int], *, alone: int, part: int) -> int:
    sizes = list(units)
    if sum(sizes) <= alone:
        return 1
    parts, used = 1, 0
    for size in sizes:
        if used + size > part:
            parts, used = parts + 1, 0
        used += size
    return parts
