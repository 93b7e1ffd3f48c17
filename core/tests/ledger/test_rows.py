"""Rows that another version, or a careless hand, has written are still read; anything can be written."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midcall import Known, MessageState, Reason, Refused, Scope, SenderCheck, Verdict
from midcall.ledger import Ledger
from midcall.ledger.rows import receipt_from_json, to_json, verdicts_to_json


def written(path: Path, statement: str, *values: object) -> None:
    """Change the ledger's file behind its back."""
    with sqlite3.connect(path) as connection:
        connection.execute(statement, values)
    connection.close()


async def test_a_reason_of_another_version_is_read(ledger: Ledger, path: Path, won: Any) -> None:
    """As a general one with the stored word in front of the detail, in messages and in their verdicts."""
    message = await won()
    refused = Refused(Reason.LANDLINE, Scope.DESTINATION, detail="as the carrier says")
    await ledger.record_result(message.id, n=1, result=refused)
    verdicts = verdicts_to_json([Verdict.deny(Reason.LANDLINE, "late")]).replace("landline", "quiet_hours")
    written(path, "UPDATE messages SET reason = 'quiet_hours', verdicts = ?", verdicts)
    (read,) = await ledger.messages()
    assert (read.reason, read.detail) == (Reason.CARRIER_REFUSED, "quiet_hours: as the carrier says")
    assert read.verdicts == (Verdict.deny(Reason.POLICY_DENIED, "quiet_hours: late"),)


async def test_verdicts_of_another_version_are_read(ledger: Ledger, path: Path, won: Any) -> None:
    """Fields it has more or less of do not matter."""
    await won()
    written(path, "UPDATE messages SET verdicts = ?", '[{"allowed":true,"weight":3},{"reason":null},7]')
    (read,) = await ledger.messages()
    assert read.verdicts == (Verdict.allow(), Verdict(allowed=False), Verdict(allowed=False, detail="7"))


async def test_an_event_of_another_version_is_read(ledger: Ledger, path: Path, won: Any) -> None:
    """A state it does not know is `unknown`, with the stored word in the data."""
    message = await won()
    written(path, "UPDATE events SET state = 'teleported', data = '[1]'")
    for event in await ledger.events(message.id):
        assert event.state is MessageState.UNKNOWN
        assert event.data == {"stored_state": "teleported", "stored_data": [1]}


async def test_what_is_known_of_a_sender_by_another_version_is_read(ledger: Ledger, path: Path) -> None:
    """An answer it does not know counts as not known."""
    check = SenderCheck(owned=Known.YES, reason=Reason.LANDLINE)
    await ledger.remember_sender("twilio", "+12025550100", check)
    written(
        path, "UPDATE senders SET check_json = replace(replace(check_json, 'yes', 'so-so'), 'landline', 'x')"
    )
    sender = await ledger.sender("twilio", "+12025550100")
    assert sender is not None
    assert sender.check is not None
    assert (sender.check.owned, sender.check.reason) == (Known.UNKNOWN, Reason.CARRIER_REFUSED)
    assert sender.check.detail == "x"


def test_a_kept_receipt_of_another_version_is_read() -> None:
    """One unknown word must not stop a message from being told its news."""
    stored = {
        "state": "undelivered",
        "carrier_id": "SM1",
        "reason": "eaten",
        "detail": "",
        "at": None,
        "new": 1,
    }
    receipt = receipt_from_json(json.dumps(stored))
    assert (receipt.reason, receipt.detail) == (Reason.CARRIER_REFUSED, "eaten")


class Wordless:
    def __str__(self) -> str:
        raise ValueError("no words")


def circular() -> list[Any]:
    """A list that holds itself."""
    own: list[Any] = []
    own.append(own)
    return own


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ({("a", 1): 2}, {"('a', 1)": 2}),
        (circular(), ["…"]),
        (Wordless(), "<Wordless>"),
        ({"a": "\ud83d", "b": "\ude00 \\ud83d"}, {"a": "�", "b": "� \\ud83d"}),
        ("\U0001f600\ud83d", "\U0001f600�"),
        (float("inf"), float("inf")),
        ({"s": {2, 1}, "r": Reason.LANDLINE}, {"s": [1, 2], "r": "landline"}),
    ],
)
def test_everything_can_be_written(value: Any, read: Any) -> None:
    """Odd keys and values, values inside themselves, halves of surrogate pairs."""
    assert json.loads(to_json(value)) == read


ODD = st.recursive(
    st.none() | st.text(st.characters(categories=None)) | st.integers() | st.binary(max_size=5) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.binary(max_size=2), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(ODD)
def test_what_is_written_is_ascii_and_reads_as_text_that_can_be_printed(value: Any) -> None:
    """No lone half of a surrogate pair comes out of the ledger."""
    text = to_json(value)
    assert text.isascii()
    str(json.loads(text)).encode()
