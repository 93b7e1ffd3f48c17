"""Alphabets and segments."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from midcall.content import GSM7, GSM7_TELNYX, Charset, count_segments

# The default alphabet of 3GPP TS 23.038 by code point and code, written out a second time and in another form, so that
# a slip in the module's table shows. `None` is the escape.
_BY_CODE: dict[int, int | None] = {
    **dict(
        enumerate(
            [0x40, 0xA3, 0x24, 0xA5, 0xE8, 0xE9, 0xF9, 0xEC, 0xF2, 0xC7, 0x0A, 0xD8, 0xF8, 0x0D, 0xC5, 0xE5]
        )
    ),
    **dict(
        enumerate(
            [0x394, 0x5F, 0x3A6, 0x393, 0x39B, 0x3A9, 0x3A0, 0x3A8, 0x3A3, 0x398, 0x39E, None], start=0x10
        )
    ),
    **dict(enumerate([0xC6, 0xE6, 0xDF, 0xC9], start=0x1C)),
    **{code: code for code in range(0x20, 0x60)},
    **{code: code for code in range(0x61, 0x7B)},
    # Where the alphabet differs from ASCII.
    **dict(zip([0x24, 0x40, 0x60], [0xA4, 0xA1, 0xBF], strict=True)),
    **dict(enumerate([0xC4, 0xD6, 0xD1, 0xDC, 0xA7], start=0x5B)),
    **dict(enumerate([0xE4, 0xF6, 0xF1, 0xFC, 0xE0], start=0x7B)),
}
_CODES = {chr(point): code for code, point in _BY_CODE.items() if point is not None}
_ESCAPED = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}

_PLAIN = sorted(GSM7.basic)
_TEXTS = st.one_of(
    st.text(st.sampled_from([*_PLAIN, *sorted(GSM7.extension)]), max_size=700),
    st.text(st.sampled_from(["a", "€", "["]), min_size=140, max_size=480),
    st.text(st.sampled_from(["ж", "😀", "a"]), min_size=60, max_size=300),
    st.text(max_size=300),
)


def _wire_parts(text: str) -> tuple[str, list[int]]:
    """The encoding and the sizes of the parts, by really encoding the text and cutting the codes.

    Written apart from the module: it cuts at the far end and steps back when the cut falls into a pair, where the
    module counts forward.
    """
    if all(char in _CODES or char in _ESCAPED for char in text):
        codes: list[int] = []
        for char in text:
            codes += [0x1B, _ESCAPED[char]] if char in _ESCAPED else [_CODES[char]]
        encoding, single, joined = "GSM-7", 160, 153
        first_of_pair = {0x1B}
    else:
        data = text.encode("utf-16-be", "surrogatepass")
        codes = [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]
        encoding, single, joined = "UCS-2", 70, 67
        first_of_pair = set(range(0xD800, 0xDC00))
    if len(codes) <= single:
        return encoding, [len(codes)] if codes else []
    sizes = []
    while codes:
        cut = min(joined, len(codes))
        if cut < len(codes) and codes[cut - 1] in first_of_pair:
            cut -= 1
        sizes.append(cut)
        codes = codes[cut:]
    return encoding, sizes


@given(_TEXTS)
@example("a" * 152 + "€" + "a" * 152)
@example("ж" * 66 + "😀" + "ж" * 66)
@example("€" * 80)
@example("€" * 81)
@example("😀" * 35)
@example("😀" * 36)
def test_agrees_with_cutting_the_encoded_text(text: str) -> None:
    """Count, encoding, units and what is left are those of the text really encoded and cut."""
    encoding, sizes = _wire_parts(text)
    counted = count_segments(text)
    assert (counted.count, counted.encoding, counted.units) == (len(sizes), encoding, sum(sizes))
    if sizes:
        assert counted.units_left_in_last == counted.per_segment - sizes[-1]


@given(_TEXTS)
def test_laws_of_every_text(text: str) -> None:
    """Segments are full enough to be needed, wide enough to hold the text, and offenders exist only with UCS-2."""
    counted = count_segments(text)
    wide = counted.encoding == "UCS-2"
    assert counted.per_segment in ({70, 67} if wide else {160, 153})
    assert (counted.per_segment in {70, 160}) == (counted.count <= 1)
    assert counted.units <= counted.count * counted.per_segment
    # At most one unit is lost at each boundary.
    assert (
        counted.units + (counted.count - 1) + counted.units_left_in_last
        >= counted.count * counted.per_segment
        or not text
    )
    assert 0 <= counted.units_left_in_last < 160
    assert wide == bool(counted.offenders)
    assert list(counted.offenders) == list(dict.fromkeys(char for char in text if char not in GSM7))


@given(_TEXTS, st.characters())
def test_more_text_never_needs_fewer_segments(text: str, more: str) -> None:
    """Adding a character never makes a text cheaper."""
    assert count_segments(text + more).count >= count_segments(text).count


@given(_TEXTS)
def test_a_smaller_alphabet_is_never_cheaper(text: str) -> None:
    """A text costs at Telnyx at least what it costs with the whole default alphabet."""
    assert count_segments(text, GSM7_TELNYX).count >= count_segments(text, GSM7).count


def test_agrees_with_smsutil() -> None:
    """The `smsutil` package, where it is installed, counts the same parts.

    Left out: the empty text, which smsutil calls one part, and lone surrogates, which it cannot encode.
    """
    # By name, since it has no types and is not needed.
    smsutil: Any = pytest.importorskip("smsutil")

    @given(_TEXTS.filter(lambda text: bool(text) and not any("\ud800" <= char <= "\udfff" for char in text)))
    def compare(text: str) -> None:
        theirs = smsutil.split(text)
        ours = count_segments(text)
        assert ours.count == len(theirs.parts)
        assert (ours.encoding == "UCS-2") == theirs.encoding.startswith("utf")

    compare()


@pytest.mark.parametrize(
    ("text", "count"),
    [
        # The two boundary cases on which dividing the length says 2 and Twilio's calculator says 3.
        ("a" * 152 + "€" + "a" * 152, 3),
        ("ж" * 66 + "😀" + "ж" * 66, 3),
        # Telnyx's published examples (page "Message encoding").
        ("a" * 100, 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("a" * 1530, 10),
        ("a" * 199 + "😀", 3),
        ("a" * 199 + "“", 3),
        # Both sides of every limit.
        ("€" * 80, 1),
        ("€" * 80 + "a", 2),
        ("a" * 159 + "€", 2),
        ("€" * 152, 2),
        ("€" * 153, 3),
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("ж" * 134, 2),
        ("ж" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("😀" * 66, 2),
        ("😀" * 67, 3),
    ],
)
def test_known_counts(text: str, count: int) -> None:
    """Counts that are published or follow from the table by hand: 76 pairs fit into 153 units, 33 into 67."""
    assert count_segments(text).count == count


@pytest.mark.parametrize(
    ("text", "units", "left", "per_segment"),
    [
        ("a", 1, 159, 160),
        ("a" * 160, 160, 0, 160),
        ("a" * 161, 161, 145, 153),
        ("a" * 306, 306, 0, 153),
        ("ж", 1, 69, 70),
    ],
)
def test_what_is_left_in_the_last_segment(text: str, units: int, left: int, per_segment: int) -> None:
    """The free units are those of the last segment as it stands."""
    counted = count_segments(text)
    assert (counted.units, counted.units_left_in_last, counted.per_segment) == (units, left, per_segment)


def test_a_lost_unit_is_not_a_unit_of_the_text() -> None:
    """The unit lost before an escape counts in no segment's text: 306 units in three segments."""
    counted = count_segments("a" * 152 + "€" + "a" * 152)
    assert (counted.units, counted.units_left_in_last) == (306, 152)


def test_the_empty_text_takes_no_segment() -> None:
    """Nothing to carry costs nothing."""
    counted = count_segments("")
    assert (counted.count, counted.units, counted.units_left_in_last, counted.encoding) == (0, 0, 0, "GSM-7")


def test_the_default_alphabet_is_the_one_of_the_standard() -> None:
    """127 characters of one unit and 10 of two, exactly those of the tables written out above."""
    assert GSM7.basic == frozenset(_CODES)
    assert GSM7.extension == frozenset(_ESCAPED)
    assert (len(GSM7.basic), len(GSM7.extension)) == (127, 10)


def test_telnyx_lacks_what_its_page_leaves_out() -> None:
    """Ten Greek capitals, Ç and ¤ of one unit, and the form feed of two."""
    assert GSM7.basic - GSM7_TELNYX.basic == frozenset("ΔΦΓΛΩΠΨΣΘΞÇ¤")
    assert GSM7.extension - GSM7_TELNYX.extension == {"\f"}
    assert GSM7_TELNYX.basic < GSM7.basic


@pytest.mark.parametrize("char", ["Ω", "Ç", "¤", "\f"])
def test_the_charset_decides_the_encoding(char: str) -> None:
    """One character can make the same text wide at one carrier and not at another."""
    assert count_segments(char * 71, GSM7).encoding == "GSM-7"
    at_telnyx = count_segments(char * 71, GSM7_TELNYX)
    assert (at_telnyx.encoding, at_telnyx.count, at_telnyx.offenders) == ("UCS-2", 2, (char,))


def test_offenders_come_once_and_in_order() -> None:
    """A person looking for the culprit reads from the front."""
    assert count_segments("it’s – fine’ç`").offenders == ("’", "–", "ç", "`")


def test_the_escape_itself_is_no_character() -> None:
    """A raw escape code in the text cannot be sent as GSM-7."""
    assert count_segments("\x1b").offenders == ("\x1b",)


def test_lone_surrogates_are_counted_not_refused() -> None:
    """A broken text is one unit per half; whether to send it is for others to say."""
    assert count_segments("\ud83d").units == 1


def test_a_charset_refuses_tables_that_contradict() -> None:
    """Entries are single characters and stand in one table only."""
    with pytest.raises(ValueError, match="'ab' is not one character"):
        Charset("x", frozenset({"ab"}), frozenset())
    with pytest.raises(ValueError, match="both tables"):
        Charset("x", frozenset("ab"), frozenset("bc"))


def test_package_promises_are_sorted_and_exist() -> None:
    """`midcall.content` exports what it lists."""
    content = importlib.import_module("midcall.content")
    assert all(hasattr(content, name) for name in content.__all__)
    assert len(set(content.__all__)) == len(content.__all__)
