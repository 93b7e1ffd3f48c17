"""The variables a call has by itself: the clock, how long it has lasted, its numbers.

Names and examples are those of Retell's page "Dynamic variables" (docs.retellai.com/build/dynamic-variables):

| variable | published example | what Midcall had to choose |
|---|---|---|
| `current_time` | `Thursday, March 28, 2024 at 11:46 PM PST` | the abbreviation in force: PDT on that day |
| `current_hour` | `3.5` ("the hour as a fraction") | whole minutes, cut (not rounded) to two decimals: `15`, `3.33`, `23.98` |
| `current_calendar` | 14 lines, `Thursday, March 28, 2024 PST (Today)` first | line feeds between; the abbreviation of each day |
| `session_type` | `voice` | nothing |
| `session_duration` | `20 minutes 30 seconds` | `1 hour 2 seconds`: hours too, parts of zero left out, at least `0 seconds` |
| `session_duration_ms` | `1230000` | nothing |
| `direction` | `inbound` | nothing |
| `user_number`, `agent_number` | `+12137771234` | nothing |
| `call_id` | | nothing |
| `call_type` | `phone_call` | nothing |

The first three are in America/Los_Angeles and also exist with a zone of the IANA database behind an underscore:
`current_time_Australia/Sydney`. A zone that does not exist has no value. Zones whose abbreviation is a bare number in
the database are written `GMT-3`, `GMT+5:30`. The hour is cut and not rounded so that 16:59 is never 17, the hour at
which an office may close. Names are English whatever the locale.

Retell also has `current_agent_state`, `previous_agent_state`, `current_node`, `previous_node` and `chat_id`; only the
platform knows them, so they are ordinary variables here.

Zones come from `zoneinfo`: the machine's own database, else the `tzdata` distribution.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

__all__ = ["CLOCK_NAMES", "SystemVariables", "is_clock"]

CLOCK_NAMES: Final = frozenset(
    {"current_time", "current_hour", "current_calendar", "session_duration", "session_duration_ms"}
)
"""Variables that change while the call goes on. The first three also exist with a zone: ask `is_clock`."""

_DEFAULT_ZONE: Final = "America/Los_Angeles"
_CALENDAR_DAYS: Final = 14
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemVariables:
    """What a call knows about itself. Each variable is worked out only when it is asked for.

    Raises `ValueError` when a time has no zone.
    """

    now: datetime
    """The moment that `current_*` and `session_duration*` speak of; any zone."""
    session_started: datetime | None = None
    session_type: str | None = None
    direction: str | None = None
    user_number: str | None = field(default=None, repr=False)
    """E.164; None when the call has none (a web call) or it is withheld."""
    agent_number: str | None = field(default=None, repr=False)
    call_id: str | None = None
    call_type: str | None = None

    def __post_init__(self) -> None:
        for name, moment in (("now", self.now), ("session_started", self.session_started)):
            if moment is not None and moment.utcoffset() is None:
                raise ValueError(f"{name} has no time zone; pass an aware datetime such as datetime.now(UTC)")

    def get(self, name: str) -> str | None:
        """The value of a system variable; None when there is no such variable or the call has no value for it."""
        if name in _CALL_NAMES:
            value = getattr(self, name)
            return None if value is None else str(value)
        if name == "session_duration":
            elapsed = self._elapsed()
            return None if elapsed is None else _in_words(elapsed)
        if name == "session_duration_ms":
            elapsed = self._elapsed()
            return None if elapsed is None else str(elapsed // timedelta(milliseconds=1))
        for stem, write in _ZONED.items():
            if name == stem:
                return self._at(_DEFAULT_ZONE, write)
            if name.startswith(stem + "_"):
                return self._at(name[len(stem) + 1 :], write)
        return None

    def names(self) -> frozenset[str]:
        """The variables that have a value now; of the zoned ones those of the default zone."""
        return frozenset(name for name in _CALL_NAMES | CLOCK_NAMES if self.get(name) is not None)

    def _elapsed(self) -> timedelta | None:
        if self.session_started is None:
            return None
        # Two machines' clocks may differ: a call never lasts less than nothing.
        return max(self.now - self.session_started, timedelta(0))

    def _at(self, zone_name: str, write: Callable[[datetime], str]) -> str | None:
        zone = _zone(zone_name)
        return None if zone is None else write(self.now.astimezone(zone))


def is_clock(name: str) -> bool:
    """Whether the variable's value changes by itself: `current_time`, `current_hour_Europe/Paris`, `session_duration`.

    True for any zone, known or not. False for names that only begin alike, such as `current_balance`.
    """
    return name in CLOCK_NAMES or any(name.startswith(stem + "_") for stem in _ZONED)


@lru_cache(maxsize=128)
def _zone(name: str) -> ZoneInfo | None:
    """The zone, or None. Names may come from a caller's own words, so whatever `zoneinfo` raises means "no such zone"."""
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _date(local: datetime) -> str:
    return f"{_WEEKDAYS[local.weekday()]}, {_MONTHS[local.month - 1]} {local.day}, {local.year}"


def _abbreviation(local: datetime) -> str:
    """`PDT`, or `GMT+5:30` where the database has only the offset (`+0530`)."""
    name = local.tzname() or ""
    if name[:1] not in {"+", "-"}:
        return name
    sign, hours, minutes = name[0], name[1:3], name[3:]
    return f"GMT{sign}{int(hours)}" + (f":{minutes}" if minutes else "")


def _time(local: datetime) -> str:
    half = "AM" if local.hour < 12 else "PM"
    return f"{_date(local)} at {local.hour % 12 or 12}:{local.minute:02} {half} {_abbreviation(local)}"


def _hour(local: datetime) -> str:
    hundredths = local.minute * 100 // 60
    return f"{local.hour}.{hundredths:02}".rstrip("0").rstrip(".") if hundredths else str(local.hour)


def _calendar(local: datetime) -> str:
    # Adding days to a zoned datetime keeps the time on the wall, so each line shows the abbreviation of its own day.
    days = (local + timedelta(days=offset) for offset in range(_CALENDAR_DAYS))
    lines = [f"{_date(day)} {_abbreviation(day)}" for day in days]
    lines[0] += " (Today)"
    return "\n".join(lines)


def _in_words(elapsed: timedelta) -> str:
    minutes, seconds = divmod(int(elapsed.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "hour"), (minutes, "minute"), (seconds, "second")]
    words = [f"{count} {unit}" if count == 1 else f"{count} {unit}s" for count, unit in parts if count]
    return " ".join(words) or "0 seconds"


_CALL_NAMES: Final = frozenset(
    {"session_type", "direction", "user_number", "agent_number", "call_id", "call_type"}
)
_ZONED: Final[dict[str, Callable[[datetime], str]]] = {
    "current_time": _time,
    "current_hour": _hour,
    "current_calendar": _calendar,
}
