"""The 7-bit alphabets a text can be carried in, as data.

What fits into one segment depends on the alphabet, and carriers do not all use the same one, so the alphabet is a
parameter (see `midcall.content.segments`).

Sources: 3GPP TS 23.038 section 6.2.1 (default alphabet and its extension table) for `GSM7`; Telnyx's page
"Message encoding" (developers.telnyx.com, docs/messaging/messages/message-encoding) for `GSM7_TELNYX`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

# 3GPP TS 23.038, the default alphabet in the order of its codes. 0x1B, the escape to the extension table, is no
# character of its own and is left out.
_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)

# The extension table: each of these travels as the escape code and one more, two units in all.
_EXTENSION = "\f^{}\\[~]|€"

# Telnyx keeps to what every network carries: no Greek capitals, no capital C with cedilla, no general currency sign,
# and its list of two-unit characters has no form feed.
_NOT_AT_TELNYX = "ΔΦΓΛΩΠΨΣΘΞÇ¤\f"


@dataclass(frozen=True, slots=True)
class Charset:
    """A 7-bit alphabet: the characters of one unit, and those of two.

    Raises `ValueError` when an entry is not a single character, or stands in both tables.
    """

    name: str
    basic: frozenset[str]
    """Characters that take one unit."""
    extension: frozenset[str]
    """Characters that take two: the escape and the character, which must not be parted."""

    def __post_init__(self) -> None:
        for char in self.basic | self.extension:
            if len(char) != 1:
                raise ValueError(
                    f"charset {self.name!r}: {char!r} is not one character; list single characters"
                )
        both = self.basic & self.extension
        if both:
            raise ValueError(
                f"charset {self.name!r}: {sorted(both)} stand in both tables; keep each character in one of them"
            )

    def __contains__(self, char: object) -> bool:
        """Whether the alphabet has this character."""
        return char in self.basic or char in self.extension

    def without(self, chars: str, *, name: str) -> Charset:
        """The same alphabet under another name, less some characters."""
        missing = frozenset(chars)
        return Charset(name, self.basic - missing, self.extension - missing)


GSM7 = Charset("gsm-7", frozenset(_BASIC), frozenset(_EXTENSION))
"""The default alphabet of 3GPP TS 23.038, with its extension table."""

GSM7_TELNYX = GSM7.without(_NOT_AT_TELNYX, name="gsm-7-telnyx")
"""What Telnyx sends as GSM-7; anything else makes the whole text UTF-16."""

CHARSETS: Mapping[str, Charset] = MappingProxyType({charset.name: charset for charset in (GSM7, GSM7_TELNYX)})
"""Every alphabet, by the name a carrier's capabilities give."""
