"""The table of codes: complete, consistent, and read as it says."""

from __future__ import annotations

import pytest

from midcall.contract.reasons import Reason
from midcall.contract.results import NotProcessed, Refused, Scope, Unknown
from midcall_twilio import code_table
from midcall_twilio.codes import CODES, Becomes
from midcall_twilio.errors import Complaint, as_code, result_of, retry_after_s, shown

# Every code that Twilio is known to give for a text, in the answer to a send and in receipts.
IN_ANSWERS = {
    *(20003, 20404, 20429, 20500, 20503, 21211, 21212, 21408, 21602, 21603, 21604, 21606, 21608, 21610),
    *(21611, 21612, 21614, 21617, 21620, 21623, 21703, 21704, 21705, 21712),
}
IN_RECEIPTS = {
    *(
        21703,
        21704,
        21705,
        21712,
        30001,
        30002,
        30003,
        30004,
        30005,
        30006,
        30007,
        30008,
        30010,
        30017,
        30018,
    ),
    *(30019, 30022, 30023, 30024, 30027, 30032, 30034, 30035, 30036, 30410, 30450, 63038),
}
OF_SENDER = {21704, 21705, 21712, 30018, 30023, 30024, 30027, 30032, 30033, 30034, 30035}


def test_every_known_code_is_in_the_table_where_it_occurs() -> None:
    """A code that is missing would be read by its HTTP status alone."""
    assert {code for code in IN_ANSWERS if "S" not in getattr(CODES.get(code), "when", "")} == set()
    assert {code for code in IN_RECEIPTS if "D" not in getattr(CODES.get(code), "when", "")} == set()


def test_the_codes_that_put_a_number_aside() -> None:
    """Only what concerns the number for longer than this text: registration, daily allowances, its service."""
    assert {code for code, entry in CODES.items() if entry.of_sender} == OF_SENDER


@pytest.mark.parametrize(
    ("code", "reason", "scope"),
    [
        (20003, Reason.ACCOUNT_PROBLEM, Scope.ACCOUNT),
        (20404, Reason.SENDER_NOT_OWNED, Scope.SENDER),
        (21211, Reason.INVALID_DESTINATION, Scope.DESTINATION),
        (21408, Reason.COUNTRY_NOT_ALLOWED, Scope.SENDER),
        (21606, Reason.SENDER_NOT_CAPABLE, Scope.SENDER),
        (21610, Reason.OPTED_OUT, Scope.DESTINATION),
        (21611, Reason.SENDER_BUSY, Scope.SENDER),
        (21612, Reason.SENDER_NOT_CAPABLE, Scope.SENDER),
        (21614, Reason.LANDLINE, Scope.DESTINATION),
        (21617, Reason.CONTENT_TOO_LONG, Scope.CONTENT),
        (63038, Reason.ACCOUNT_PROBLEM, Scope.ACCOUNT),
    ],
)
def test_a_known_code_is_refused_with_its_reason_and_scope(code: int, reason: Reason, scope: Scope) -> None:
    """The code goes before the HTTP status: 63038 comes with a 429 and is no invitation to try again."""
    for status in (400, 429):
        result = result_of(Complaint(status, code))
        assert isinstance(result, Refused)
        assert (result.reason, result.scope, result.code) == (reason, scope, str(code))
        assert result.detail


def test_an_opted_out_recipient_is_never_tried_from_another_number() -> None:
    """Only scope `sender` lets the next candidate be tried; what concerns the recipient is final."""
    for entry in CODES.values():
        if entry.reason in {
            Reason.OPTED_OUT,
            Reason.LANDLINE,
            Reason.INVALID_DESTINATION,
            Reason.UNKNOWN_NUMBER,
        }:
            assert entry.scope is Scope.DESTINATION


def test_busy_is_not_processed_and_a_server_error_is_unknown() -> None:
    """20429 may be repeated; 20500 and 20503 may have sent, whatever the status beside them."""
    assert isinstance(result_of(Complaint(429, 20429, retry_after=3.0)), NotProcessed)
    for code in (20500, 20503, 30410):
        assert isinstance(result_of(Complaint(400, code)), Unknown)
    assert isinstance(result_of(Complaint(503, 20429)), Unknown)


def test_the_table_for_the_documentation_is_sorted_and_complete() -> None:
    """One row a code, six cells, nothing empty."""
    rows = code_table()
    assert [int(row[0]) for row in rows] == sorted(CODES)
    assert all(cell for row in rows for cell in row)
    assert {row[2] for row in rows} == {becomes.value for becomes in Becomes}


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (30034, 30034),
        ("30034", 30034),
        ("", None),
        (None, None),
        (True, None),
        ("0", None),
        ("nul", None),
        (7, None),
    ],
)
def test_codes_come_as_numbers_and_as_words(value: object, code: int | None) -> None:
    """JSON has integers, forms have text, and an empty ErrorCode is none."""
    assert as_code(value) == code


@pytest.mark.parametrize("value", ["", "soon", "-1", "nan", "inf", "1e9", "Mon, 99 Nov 2020 20:00:00 GMT"])
def test_a_retry_after_that_makes_no_sense_is_none(value: str) -> None:
    """Nothing is guessed from an unreadable header."""
    assert retry_after_s({"retry-after": value}) is None


def test_details_are_one_short_line_without_numbers() -> None:
    """A carrier's words reach logs."""
    line = shown("To:\n+12025550142 and 12025550142\t" + "x" * 500)
    assert "2025550142" not in line
    assert "\n" not in line
    assert len(line) <= 300
    assert shown("error SM0123456789abcdef0123456789abcdef") == "error SM0123456789abcdef0123456789abcdef"
