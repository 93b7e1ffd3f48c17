"""Phone numbers: reading, masking, and what may be texted."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import get_args

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midcall import numbers
from midcall.numbers import (
    Number,
    NumberError,
    NumberErrorCode,
    destination_problem,
    is_satellite_or_global,
    mask,
    parse_number,
)

_AREA_CODES = range(200, 1000)


def _code(text: str, region: str | None = None) -> str:
    with pytest.raises(NumberError) as caught:
        parse_number(text, region=region)
    return caught.value.code


def _read(text: str) -> Number | str:
    """The number, or the code of its refusal."""
    try:
        return parse_number(text)
    except NumberError as error:
        return error.code


# --- Reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        "+12025550142",
        " +12025550142\n",
        "+1 202 555 0142",
        "+1 (202) 555-0142",
        "+1.202.555.0142",
        "+1/202/555/0142",
        "+1\u00a0202\u2011555\u20110142",
        "\u202a+12025550142\u202c",
        "＋１２０２５５５０１４２",
        "+١٢٠٢٥٥٥٠١٤٢",
        "tel:+12025550142",
        "TEL:+1-202-555-0142",
    ],
)
def test_people_and_platforms_write_numbers_in_many_ways(written: str) -> None:
    """Separators, invisible marks, wide and local digits make no other number."""
    number = parse_number(written)
    assert (number.e164, number.country_code, number.region, number.kind) == (
        "+12025550142",
        1,
        "US",
        "fixed_line_or_mobile",
    )


@pytest.mark.parametrize(
    "written", ["2025550142", "(202) 555-0142", "1 202 555 0142", "+12025550142", "0112025550142"]
)
def test_a_region_reads_national_numbers(written: str) -> None:
    """With a region, what is dialled there is understood; `011 2...` is an international call from the US."""
    number = parse_number(written, region="us")
    assert number.e164 == ("+2025550142" if written.startswith("011") else "+12025550142")


def test_a_trunk_zero_is_dropped() -> None:
    """`+44 (0)20` is how the British print it, and the zero is not dialled from abroad."""
    assert parse_number("+44 (0)20 7946 0123").e164 == "+442079460123"


def test_a_zero_that_belongs_to_the_number_stays() -> None:
    """Italian landlines keep their zero in E.164."""
    assert parse_number("+39 06 6982 1234").e164 == "+390669821234"


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("", "not_a_number"),
        ("  ", "not_a_number"),
        ("+", "not_a_number"),
        ("++12025550142", "not_a_number"),
        ("12+025550142", "not_a_number"),
        ("+1-202-FLOWERS", "not_a_number"),
        ("call me at +12025550142", "not_a_number"),
        ("+12025550142x12", "not_a_number"),
        ("+12025550142;ext=12", "not_a_number"),
        ("+12025550142,+12025550143", "not_a_number"),
        ("{{customer_phone}}", "not_a_number"),
        ("sip:+12025550142@example.com", "not_a_number"),
        ("person@example.com", "not_a_number"),
        ("+1" + "0" * 10_000, "not_a_number"),
        ("12025550142", "not_e164"),
        ("(202) 555-0142", "not_e164"),
        ("0012025550142", "not_e164"),
        ("911", "not_e164"),
        ("72345", "not_e164"),
        ("+0", "impossible"),
        ("+1", "impossible"),
        ("+999123456789", "impossible"),
        ("+72345", "impossible"),
        ("+15550142", "impossible"),
        ("+1202555014", "impossible"),
        ("+120255501422", "impossible"),
        ("+12025550142000000000", "impossible"),
        ("+" + "1" * 60, "impossible"),
    ],
)
def test_what_is_no_number_and_why(written: str, code: str) -> None:
    """Each refusal has the code that tells what to say."""
    assert _code(written) == code


@pytest.mark.parametrize("short_code", ["911", "72345", "611", "5550142"])
def test_short_codes_are_no_destinations(short_code: str) -> None:
    """Short codes, and numbers without their area code, are impossible even when read as dialled in a country."""
    assert _code(short_code, "US") == "impossible"


@pytest.mark.parametrize(
    "written",
    [
        "anonymous",
        "Anonymous",
        "ANONYMOUS",
        "restricted",
        "Unknown",
        "unknown caller",
        "UNAVAILABLE",
        "private",
        "Private Number",
        "withheld",
        "blocked",
        "No Caller ID",
        "out-of-area",
        "+266696687",
        "+7378742833",
        "+86282452253",
        "+8656696",
        "anonymous@anonymous.invalid",
        "sip:anonymous@anonymous.invalid",
        "sips:Anonymous@example.com;transport=tls",
        '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1',
        "sip:0@anonymous.invalid:5060",
    ],
)
@pytest.mark.parametrize("region", [None, "US"])
def test_withheld_callers(written: str, region: str | None) -> None:
    """Every way networks write "the caller hides their number" is that, not a number that went wrong."""
    assert _code(written, region) == "withheld"


def test_no_spelled_word_takes_a_real_number_away() -> None:
    """None of the words on the keypad is a number that somebody could have."""
    for spelled in numbers._WITHHELD_SPELLINGS:
        try:
            parsed = phonenumbers.parse(spelled)
        except phonenumbers.NumberParseException:
            continue
        assert not phonenumbers.is_valid_number(parsed), spelled


def test_a_spelled_word_without_plus_is_an_ordinary_number() -> None:
    """737 874 2833 spells "restricted" and is also a number in Austin: only the form with + is the network's word."""
    assert parse_number("737-874-2833", region="US").region == "US"


def test_an_unknown_region_is_the_programs_mistake() -> None:
    """The message names the value and the fix, and it is not taken for a bad number."""
    with pytest.raises(ValueError, match="region 'XX' is not a country") as caught:
        parse_number("2025550142", region="XX")
    assert not isinstance(caught.value, NumberError)


@given(st.text(max_size=300) | st.from_regex(r"\+?[0-9 ()\-]{0,30}", fullmatch=True))
def test_any_text_is_a_number_or_a_number_error(text: str) -> None:
    """Reading never fails in another way, and what it gives can be read again unchanged."""
    number = _read(text)
    if isinstance(number, str):
        assert number in get_args(NumberErrorCode)
        return
    assert number.e164[0] == "+"
    assert number.e164[1:].isdecimal()
    assert len(number.e164) <= 18
    assert parse_number(number.e164).e164 == number.e164


@pytest.mark.parametrize(
    ("e164", "region", "kind"),
    [
        ("+442079460123", "GB", "fixed_line"),
        ("+4915123456789", "DE", "mobile"),
        ("+18005550142", "US", "toll_free"),
        ("+19005550142", "US", "premium"),
        ("+447012345678", "GB", "personal"),
        ("+491801234567", "DE", "shared"),
        ("+18095550142", "DO", "fixed_line_or_mobile"),
        ("+77011234567", "KZ", "mobile"),
        ("+79161234567", "RU", "mobile"),
        ("+441534123456", "JE", "fixed_line"),
        ("+12002345678", None, "other"),
        ("+80012345678", "001", "toll_free"),
        ("+870773111632", "001", "satellite"),
        ("+881612345678", "001", "satellite"),
        ("+883510001234567", "001", "satellite"),
        ("+979123456789", "001", "satellite"),
    ],
)
def test_region_and_kind(e164: str, region: str | None, kind: str) -> None:
    """Country and kind are those of the digits; a calling code that is shared does not make a country."""
    number = parse_number(e164)
    assert (number.e164, number.region, number.kind) == (e164, region, kind)


# --- Numbers reserved for fiction ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("area", _AREA_CODES)
def test_fictional_numbers_belong_to_their_area_code(area: int) -> None:
    """A number reserved for fiction is of the country that real numbers of its area code are of."""
    real = {
        phonenumbers.region_code_for_number(phonenumbers.parse(f"+1{area}{exchange}5678"))
        for exchange in range(200, 1000, 23)
    } - {None}
    number = parse_number(f"+1{area}5550142")
    assert {number.region} == (real or {"US"})


@pytest.mark.parametrize("line", ["0100", "0142", "0199"])
@pytest.mark.parametrize(
    ("area", "region"), [(202, "US"), (212, "US"), (555, "US"), (416, "CA"), (809, "DO"), (242, "BS")]
)
def test_fictional_numbers_behave_like_real_ones(area: int, region: str, line: str) -> None:
    """They may be texted wherever their country may, which is what examples and tests rely on."""
    number = parse_number(f"+1{area}555{line}")
    assert (number.region, number.kind) == (region, "fixed_line_or_mobile")
    assert destination_problem(number, countries={region}) is None


def test_only_the_reserved_hundred_is_fiction() -> None:
    """Beyond 0199 the ordinary rules hold: nobody has area code 555, so its country cannot be told."""
    assert parse_number("+15555550200").region is None
    assert parse_number("+15555550199").region == "US"


# --- What may be texted --------------------------------------------------------------------------------------------------


def _problem(e164: str, countries: set[str], prefixes: tuple[str, ...] = ()) -> str | None:
    problem = destination_problem(parse_number(e164), countries=countries, prefixes=prefixes)
    return None if problem is None else problem.code


@pytest.mark.parametrize(
    ("e164", "countries", "code"),
    [
        ("+12025550142", {"US"}, None),
        ("+14165550142", {"US", "CA"}, None),
        ("+4915123456789", {"DE"}, None),
        ("+12025550142", set(), "country"),
        ("+12025550142", {"CA"}, "country"),
        ("+14165550142", {"US"}, "country"),
        ("+18095550142", {"US"}, "country"),
        ("+18765550142", {"US"}, "country"),
        ("+17875550142", {"US"}, "country"),
        ("+4915123456789", {"US"}, "country"),
        ("+80012345678", {"US"}, "country"),
        ("+441534123456", {"GB"}, "country"),
        ("+12002345678", {"US"}, "country"),
        ("+442079460123", {"GB"}, "landline"),
        ("+18005550142", {"US"}, "toll_free"),
        ("+18335550142", {"US"}, "toll_free"),
        ("+19005550142", {"US"}, "premium"),
        ("+19005550142", set(), "premium"),
        ("+447012345678", {"GB"}, "premium"),
        ("+491801234567", {"DE"}, "premium"),
        ("+870773111632", {"US"}, "satellite"),
        ("+881612345678", {"US"}, "satellite"),
        ("+88213300655", {"US"}, "satellite"),
        ("+883510001234567", {"US"}, "satellite"),
        ("+979123456789", {"US"}, "satellite"),
        ("+881612345678", {"001"}, "satellite"),
    ],
)
def test_destinations(e164: str, countries: set[str], code: str | None) -> None:
    """Without prefixes: only listed countries, each by itself, and never what costs more than a text."""
    assert _problem(e164, countries) == code


@pytest.mark.parametrize(
    ("e164", "prefixes", "code"),
    [
        # Prefixes narrow.
        ("+12025550142", ("+1202",), None),
        ("+12025550142", ("+1",), None),
        ("+12125550142", ("+1202",), "prefix"),
        ("+12125550142", ("+1202", "+1212"), None),
        ("+14165550142", ("+1416",), "country"),
        # One that names the range permits it; a calling code alone, or a prefix of another range, does not.
        ("+19005550142", ("+1900",), None),
        ("+19005550142", ("+1",), "premium"),
        ("+19005550142", ("+1202",), "premium"),
        ("+18335550142", ("+1833",), None),
        ("+18335550142", ("+1",), "toll_free"),
        ("+442079460123", ("+4420",), None),
        ("+442079460123", ("+44",), "landline"),
        ("+881612345678", ("+8816",), None),
        ("+881612345678", ("+881",), None),
        ("+881612345678", ("+88",), "satellite"),
        ("+881612345678", ("+8",), "satellite"),
        ("+881612345678", ("+870",), "satellite"),
    ],
)
def test_prefixes_narrow_and_permit(e164: str, prefixes: tuple[str, ...], code: str | None) -> None:
    """Prefixes are the only numbers allowed; one that names a refused range permits it, inside the countries."""
    assert _problem(e164, {"US", "GB"}, prefixes) == code


@given(
    st.sampled_from(["870", "878", "881", "882", "883", "888", "979"]),
    st.text("0123456789", min_size=6, max_size=12),
)
def test_satellite_and_global_services_are_told_by_their_code(code: str, rest: str) -> None:
    """Every number behind one of the codes is refused whatever countries are listed, or is not a number at all."""
    assert is_satellite_or_global(f"+{code}{rest}")
    number = _read(f"+{code}{rest}")
    if isinstance(number, str):
        assert number == "impossible"
        return
    problem = destination_problem(number, countries={"US", "001"}, prefixes=("+1",))
    assert problem is not None
    assert problem.code == "satellite"


def test_other_numbers_are_no_satellites() -> None:
    """Codes that begin alike are ordinary countries: +880 is Bangladesh, +886 Taiwan, +971 the Emirates."""
    assert not any(
        is_satellite_or_global(number)
        for number in ("+8801712345678", "+886912345678", "+971501234567", "+18815550142")
    )


def test_problems_say_what_to_change_and_mask_the_number() -> None:
    """The sentence names the setting, and nobody's number."""
    for e164, prefixes in [
        ("+19005550142", ()),
        ("+18095550142", ()),
        ("+18335550142", ()),
        ("+12025550142", ("+1416",)),
        ("+881612345678", ()),
        ("+442079460123", ()),
    ]:
        problem = destination_problem(parse_number(e164), countries={"US", "GB"}, prefixes=prefixes)
        assert problem is not None
        assert e164 not in problem.sentence
        assert e164[5:-4] not in problem.sentence
        assert any(word in problem.sentence for word in ("prefixes", "countries"))


# --- Masking ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("+12025550142", "+1202•••0142"),
        ("+4915123456789", "+4915•••6789"),
        ("+88213300655", "+8821•••0655"),
        ("+3725123456", "+372•••3456"),
        ("72345", "•••45"),
        ("911", "•••"),
        ("", "•••"),
    ],
)
def test_masks(number: str, masked: str) -> None:
    """The first five and the last four characters, less of a short number."""
    assert mask(number) == masked


@given(st.text(max_size=40))
def test_a_mask_always_hides_something(text: str) -> None:
    """At least three characters are hidden, and what is shown is the text's own beginning and end."""
    head, tail = mask(text).split("•••", 1) if "•" not in text else ("", "")
    assert len(head) + len(tail) <= max(0, len(text) - 3)
    assert text.startswith(head)
    assert text.endswith(tail)
    assert len(head) <= 5
    assert len(tail) <= 4


@pytest.mark.parametrize(
    "written",
    ["2025550142", "+1202555014299", "+12025550142x9", "sip:+12025550142@example.com", "+99912345678901"],
)
def test_errors_never_show_the_number(written: str) -> None:
    """Neither message, repr nor traceback of an error holds the number."""
    with pytest.raises(NumberError) as caught:
        parse_number(written)
    shown = "".join(traceback.format_exception_only(caught.value)) + repr(caught.value)
    digits = "".join(char for char in written if char.isdigit())
    assert digits not in shown.replace("+12025550142", "")  # the example in the advice is nobody's number
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_number_prints_masked() -> None:
    """A number that slips into a log line through `str` or `repr` stays hidden."""
    number = parse_number("+12025550142")
    for shown in (repr(number), str(number), f"{number}", repr([number])):
        assert "+1202•••0142" in shown
        assert "2025550142" not in shown


# --- Cost ------------------------------------------------------------------------------------------------------------------


def test_the_numbers_library_is_not_imported_before_a_number_is_read() -> None:
    """Importing this module, masking and telling satellites need no metadata: commands must start quickly."""
    code = (
        "import sys; from midcall import numbers; numbers.mask('+12025550142'); "
        "numbers.is_satellite_or_global('+881612345678'); assert 'phonenumbers' not in sys.modules; "
        "numbers.parse_number('+12025550142'); assert 'phonenumbers' in sys.modules"
    )
    source = str(Path(numbers.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": source}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30, env=environment)


def test_a_number_is_read_once() -> None:
    """The same text gives the very same record: reading costs tens of microseconds and happens several times a call."""
    assert parse_number("+12025550177") is parse_number("+12025550177")
