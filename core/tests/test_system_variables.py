"""The variables a call has by itself."""

from __future__ import annotations

import locale
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midcall.content import CLOCK_NAMES, SystemVariables, is_clock

# The moment of the published example: Thursday, March 28, 2024, 11:46 PM in Los Angeles.
_PUBLISHED = datetime(2024, 3, 29, 6, 46, 4, tzinfo=UTC)


def _at(moment: str) -> SystemVariables:
    """The clock at a moment of UTC."""
    return SystemVariables(now=datetime.fromisoformat(moment).replace(tzinfo=UTC))


def _call(now: datetime = _PUBLISHED) -> SystemVariables:
    """A call that knows everything about itself."""
    return SystemVariables(
        now=now,
        session_started=_PUBLISHED,
        session_type="voice",
        direction="inbound",
        user_number="+12025550142",
        agent_number="+12025550100",
        call_id="call_1",
        call_type="phone_call",
    )


def test_current_time_reads_as_published() -> None:
    """The published sentence, with the abbreviation in force on that day instead of the page's PST."""
    assert SystemVariables(now=_PUBLISHED).get("current_time") == "Thursday, March 28, 2024 at 11:46 PM PDT"


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("America/Los_Angeles", "Thursday, March 28, 2024 at 11:46 PM PDT"),
        ("Australia/Sydney", "Friday, March 29, 2024 at 5:46 PM AEDT"),
        ("Europe/London", "Friday, March 29, 2024 at 6:46 AM GMT"),
        ("UTC", "Friday, March 29, 2024 at 6:46 AM UTC"),
        # The database has only the offset for these: "-03", "+0545", "-00" style names are no words.
        ("America/Sao_Paulo", "Friday, March 29, 2024 at 3:46 AM GMT-3"),
        ("Asia/Kathmandu", "Friday, March 29, 2024 at 12:31 PM GMT+5:45"),
    ],
)
def test_current_time_in_a_zone(zone: str, expected: str) -> None:
    """A zone behind the underscore moves the clock there."""
    assert SystemVariables(now=_PUBLISHED).get(f"current_time_{zone}") == expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-01-01 08:00", "Thursday, January 1, 2026 at 12:00 AM PST"),
        ("2026-01-01 20:00", "Thursday, January 1, 2026 at 12:00 PM PST"),
        ("2026-07-04 08:05", "Saturday, July 4, 2026 at 1:05 AM PDT"),
    ],
)
def test_midnight_noon_and_summer_time(moment: str, expected: str) -> None:
    """Twelve is written 12, minutes have two digits, and the abbreviation follows the season."""
    assert _at(moment).get("current_time") == expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2024-01-01 11:30", "3.5"),  # the published example
        ("2024-01-01 23:00", "15"),
        ("2024-01-01 08:00", "0"),
        ("2024-01-01 08:01", "0.01"),
        ("2024-01-01 08:06", "0.1"),
        ("2024-01-01 11:20", "3.33"),
        ("2024-01-02 00:59:59", "16.98"),
        ("2024-01-02 07:59:59", "23.98"),
    ],
)
def test_current_hour_is_a_fraction(moment: str, expected: str) -> None:
    """Hours and whole minutes as a fraction, cut so that it never reaches the next hour early."""
    assert _at(moment).get("current_hour") == expected


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis takes naive bounds
def test_current_hour_never_runs_ahead(now: datetime) -> None:
    """The hour as a number is at most the time on the wall, and behind by less than a minute and a hundredth."""
    local = SystemVariables(now=now)
    hour = local.get("current_hour_UTC")
    assert hour is not None
    exact = now.hour + now.minute / 60 + now.second / 3600
    assert exact - 1 / 60 - 0.011 < float(hour) <= exact + 1e-9


def test_current_calendar_reads_as_published() -> None:
    """Fourteen days, one a line, today first and marked."""
    calendar = SystemVariables(now=_PUBLISHED).get("current_calendar")
    assert calendar is not None
    lines = calendar.split("\n")
    assert len(lines) == 14
    assert lines[:2] == ["Thursday, March 28, 2024 PDT (Today)", "Friday, March 29, 2024 PDT"]
    assert lines[13] == "Wednesday, April 10, 2024 PDT"
    assert calendar.count("(Today)") == 1


def test_calendar_crosses_a_change_of_clock() -> None:
    """Each day has its own abbreviation, and no day is missing or doubled when the clock changes."""
    calendar = _at("2024-03-09 07:30").get("current_calendar")  # 11:30 PM on March 8 in Los Angeles
    assert calendar is not None
    lines = calendar.split("\n")
    assert lines[1] == "Saturday, March 9, 2024 PST"
    assert lines[2] == "Sunday, March 10, 2024 PDT"
    assert [int(line.split()[2].rstrip(",")) for line in lines] == list(range(8, 22))


def test_calendar_in_a_zone_starts_with_the_day_there() -> None:
    """It can be tomorrow in Sydney."""
    calendar = SystemVariables(now=_PUBLISHED).get("current_calendar_Australia/Sydney")
    assert calendar is not None
    assert calendar.startswith("Friday, March 29, 2024 AEDT (Today)\n")


@pytest.mark.parametrize(
    "zone",
    [
        "",
        "Mars/Base",
        "America",
        "../../etc/passwd",
        "/etc/localtime",
        "a\0b",
        "x" * 5000,
        "\ud800",
        " UTC",
        "tzdata.zi",
    ],
)
@pytest.mark.parametrize("stem", ["current_time", "current_hour", "current_calendar"])
def test_a_zone_that_does_not_exist_has_no_value(stem: str, zone: str) -> None:
    """Zone names can come from a caller's own words: whatever they hold, the answer is "no value", not an error."""
    assert SystemVariables(now=_PUBLISHED).get(f"{stem}_{zone}") is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1230, "20 minutes 30 seconds"),  # the published example
        (0, "0 seconds"),
        (0.999, "0 seconds"),
        (1, "1 second"),
        (60, "1 minute"),
        (61, "1 minute 1 second"),
        (3600, "1 hour"),
        (3602, "1 hour 2 seconds"),
        (90_000, "25 hours"),
        (-5, "0 seconds"),
    ],
)
def test_session_duration_in_words(seconds: float, words: str) -> None:
    """Whole seconds in hours, minutes and seconds; a start in the future (clocks differ) is a call that just began."""
    call = SystemVariables(now=_PUBLISHED, session_started=_PUBLISHED - timedelta(seconds=seconds))
    assert call.get("session_duration") == words


def test_session_duration_in_milliseconds() -> None:
    """Whole milliseconds, never less than zero."""
    started = _PUBLISHED - timedelta(minutes=20, seconds=30, microseconds=999)
    assert SystemVariables(now=_PUBLISHED, session_started=started).get("session_duration_ms") == "1230000"
    later = _PUBLISHED + timedelta(seconds=1)
    assert SystemVariables(now=_PUBLISHED, session_started=later).get("session_duration_ms") == "0"


def test_what_the_call_does_not_know_has_no_value() -> None:
    """A web call has no numbers, a call that has not begun no duration."""
    bare = SystemVariables(now=_PUBLISHED)
    assert bare.names() == {"current_time", "current_hour", "current_calendar"}
    for name in (
        "user_number",
        "agent_number",
        "direction",
        "session_duration",
        "session_duration_ms",
        "call_id",
    ):
        assert bare.get(name) is None


def test_the_calls_own_values() -> None:
    """Each name gives its own value."""
    values = {
        "session_type": "voice",
        "direction": "inbound",
        "user_number": "+12025550142",
        "agent_number": "+12025550100",
        "call_id": "call_1",
        "call_type": "phone_call",
    }
    call = _call()
    assert {name: call.get(name) for name in values} == values
    assert call.names() == values.keys() | CLOCK_NAMES


@pytest.mark.parametrize(
    "name",
    ["now", "session_started", "get", "names", "_elapsed", "__class__", "Current_Time", " current_time", ""],
)
def test_nothing_else_is_a_variable(name: str) -> None:
    """A text cannot reach attributes or methods, and names are exact."""
    assert SystemVariables(now=_PUBLISHED, session_started=_PUBLISHED).get(name) is None


def test_times_need_a_zone() -> None:
    """A time without a zone is refused, and the message names the field and the fix."""
    naive = datetime(2024, 1, 1)  # noqa: DTZ001 - the mistake under test
    with pytest.raises(ValueError, match=r"now has no time zone.*datetime\.now\(UTC\)"):
        SystemVariables(now=naive)
    with pytest.raises(ValueError, match="session_started has no time zone"):
        SystemVariables(now=_PUBLISHED, session_started=naive)


def test_the_repr_hides_the_numbers() -> None:
    """Numbers are personal data and do not get into logs by way of a repr."""
    shown = repr(SystemVariables(now=_PUBLISHED, user_number="+12025550142", agent_number="+12025550100"))
    assert "555" not in shown


def test_english_in_any_locale() -> None:
    """Names of days and months stay English when the process speaks another language."""
    before = locale.setlocale(locale.LC_TIME)
    english = SystemVariables(now=_PUBLISHED).get("current_calendar")
    try:
        for other in ("de_DE.UTF-8", "fr_FR.UTF-8", "es_ES.UTF-8", "ja_JP.UTF-8", "German_Germany"):
            try:
                locale.setlocale(locale.LC_TIME, other)
            except locale.Error:
                continue
            assert SystemVariables(now=_PUBLISHED).get("current_calendar") == english
            return
        pytest.skip("this machine has no other language installed")
    finally:
        locale.setlocale(locale.LC_TIME, before)


def test_names_of_all_days_and_months() -> None:
    """Every day of a year is named as ISO dates and the English calendar have it."""
    monday = datetime(2024, 1, 1, 12, tzinfo=UTC)
    days = ("Mon", "Tues", "Wednes", "Thurs", "Fri", "Satur", "Sun")
    months = ["January", "February", "March", "April", "May", "June", "July", "August"]
    months += ["September", "October", "November", "December"]
    for offset in range(366):
        day = monday + timedelta(days=offset)
        expected = f"{days[offset % 7]}day, {months[day.month - 1]} {day.day}, 2024 at 12:00 PM UTC"
        assert SystemVariables(now=day).get("current_time_UTC") == expected


@pytest.mark.parametrize(
    ("name", "clock"),
    [
        *((name, True) for name in sorted(CLOCK_NAMES)),
        ("current_time_Europe/Paris", True),
        ("current_hour_UTC", True),
        ("current_calendar_Mars/Base", True),
        ("current_balance", False),
        ("current_agent_state", False),
        ("current_timeline", False),
        ("session_type", False),
        ("session_duration_total", False),
        ("user_number", False),
        ("call_id", False),
        ("", False),
    ],
)
def test_which_variables_are_the_clocks(name: str, clock: bool) -> None:
    """Only what changes by itself; names that merely begin alike belong to whoever made them."""
    assert is_clock(name) is clock


def test_every_variable_that_moves_is_a_clocks() -> None:
    """Of two moments of one call, exactly the clock's variables differ."""
    earlier, later = _call(), _call(_PUBLISHED + timedelta(days=1, hours=1, minutes=7))
    assert {name for name in later.names() if earlier.get(name) != later.get(name)} == CLOCK_NAMES
