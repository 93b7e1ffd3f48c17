"""The phone network every simulated carrier shares: who can be texted, and who said STOP.

It knows nothing of any carrier. A carrier asks it about a recipient and answers with a code of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

E164 = re.compile(r"\+[1-9]\d{6,14}")
TOLL_FREE = re.compile(r"\+1(?:800|833|844|855|866|877|888)\d{7}")
_ANY_SENDER = "*"


def is_e164(number: str) -> bool:
    """Whether the text has the shape of an E.164 number: a plus, then 7 to 15 digits, the first not 0."""
    return E164.fullmatch(number) is not None


def is_toll_free(number: str) -> bool:
    """Whether the number is a North American toll-free number (+1 800, 833, 844, 855, 866, 877, 888)."""
    return TOLL_FREE.fullmatch(number) is not None


def mask(number: str) -> str:
    """The number as logs, errors and reprs may show it: first five characters, three dots, last four."""
    return number if len(number) < 10 else f"{number[:5]}•••{number[-4:]}"


class PhoneNetwork:
    """The recipients' side of the world. Everybody has a mobile phone and wants texts until told otherwise."""

    def __init__(self) -> None:
        self._landlines: set[str] = set()
        self._opted_out: dict[str, set[str]] = {}

    def landline(self, number: str) -> None:
        """Make the number a landline: carriers refuse to text it."""
        self._landlines.add(_checked(number))

    def is_landline(self, number: str) -> bool:
        """Whether the number was made a landline."""
        return number in self._landlines

    def opt_out(self, number: str, *, sender: str | None = None) -> None:
        """The person at `number` sent STOP, to one sender (a number or a messaging service) or to everybody."""
        self._opted_out.setdefault(_checked(number), set()).add(sender or _ANY_SENDER)

    def opt_in(self, number: str, *, sender: str | None = None) -> None:
        """The person at `number` sent START: lifts only what that same sender (or everybody) was told."""
        self._opted_out.get(number, set()).discard(sender or _ANY_SENDER)

    def is_opted_out(self, number: str, senders: Iterable[str] = ()) -> bool:
        """Whether the person at `number` refuses texts from any of these senders."""
        refused = self._opted_out.get(number)
        return refused is not None and (_ANY_SENDER in refused or not refused.isdisjoint(senders))

    def reset(self) -> None:
        """Forget every landline and every STOP."""
        self._landlines.clear()
        self._opted_out.clear()


def _checked(number: str) -> str:
    if not is_e164(number):
        raise ValueError(f"{mask(number)!r} is not a phone number: write it as +12025550142")
    return number
