"""`midcall send`: looking costs nothing and leaves nothing; sending happens once."""

from __future__ import annotations

import sqlite3

import pytest

from tests.cli.conftest import AGENT, CALLER, NUMBERS, Carrier, Install, Shell

DENY = """
from midcall import Reason, Verdict, hookimpl


@hookimpl
def midcall_check_eligibility(draft):
    return Verdict.deny(Reason.POLICY_DENIED, "not on a Sunday")
"""


def _rows(shell: Shell) -> dict[str, int]:
    """How many rows each table of the ledger has, but the one for migrations."""
    ledger = sqlite3.connect(shell.folder / "midcall.db")
    try:
        tables = [name for (name,) in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            table: ledger.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - its own names
            for table in tables
            if not table.startswith(("alembic", "sqlite_"))
        }
    finally:
        ledger.close()


def test_looking_leaves_nothing(ready: Shell, carrier: Carrier) -> None:
    """What would be sent is shown; the carrier is not asked to send, and the ledger has no row of it, not even a call."""
    ran = ready("send", "send_sms", *NUMBERS, "--var", "name=Ann")
    assert ran.code == 0, ran.err
    for words in (AGENT, CALLER, "Hi Ann, here is your link: https://example.com/b", "1 segment", "--yes"):
        assert words in ran.out
    assert carrier.posts() == 0
    rows = _rows(ready)
    assert {table for table, count in rows.items() if count} <= {"senders"}, rows


def test_looking_as_json(ready: Shell, carrier: Carrier) -> None:
    """The same facts for programs, and a list of who said what."""
    shown = ready("send", "send_sms", *NUMBERS, "--var", "name=Ann", "--json").json
    assert shown["would_send"] is True
    assert (shown["from"], shown["to"], shown["account"], shown["segments"]) == (AGENT, CALLER, "twilio", 1)
    assert shown["refusal"] is None
    assert {verdict["allowed"] for verdict in shown["verdicts"]} <= {True}
    assert carrier.posts() == 0


def test_sending(ready: Shell, carrier: Carrier) -> None:
    """With --yes one text leaves, and is found afterwards by number and by id."""
    sent = ready("send", "send_sms", *NUMBERS, "--var", "name=Ann", "--yes", "--json")
    assert sent.code == 0, sent.err
    assert sent.json["status"] == "accepted"
    assert carrier.posts() == 1
    (listed,) = ready("messages", "--to", CALLER, "--json").json
    assert listed["id"] == sent.json["message_id"]
    assert listed["platform"] == "cli"


def test_the_same_id_sends_once(ready: Shell, carrier: Carrier) -> None:
    """A script that is run again with the same --id sends nothing again, without having to name a call."""
    once = ("send", "send_sms", *NUMBERS, "--var", "name=Ann", "--yes", "--json", "--id", "order-17")
    first, second = ready(*once).json, ready(*once).json
    assert first["message_id"] == second["message_id"]
    assert (first["duplicate"], second["duplicate"]) == (False, True)
    assert carrier.posts() == 1
    other = ready(*once[:-1], "order-18").json
    assert (other["duplicate"], carrier.posts()) == (False, 2)


def test_the_models_own_words(ready: Shell, carrier: Carrier) -> None:
    """--message is what the model would have written."""
    shown = ready("send", "write_sms", *NUMBERS, "--message", "See you at 9", "--json").json
    assert shown["text"] == "See you at 9"
    assert ready("send", "write_sms", *NUMBERS, "--json").json["refusal"]["reason"] == "invalid_arguments"
    assert carrier.posts() == 0


def test_what_would_be_rejected(ready: Shell, carrier: Carrier, install: Install) -> None:
    """A policy's denial is shown with its name, its reason and its words; exit 1; with --yes too."""
    install("acme-sunday", plugins={"sunday": "acme_sunday"}, source=DENY)
    looked = ready("send", "send_sms", *NUMBERS, "--var", "name=Ann")
    assert looked.code == 1
    for words in ("sunday", "denies", "policy_denied", "not on a Sunday", "rejected"):
        assert words in looked.out
    sent = ready("send", "send_sms", *NUMBERS, "--var", "name=Ann", "--yes", "--json")
    assert (sent.code, sent.json["status"], sent.json["reason"]) == (1, "rejected", "policy_denied")
    assert carrier.posts() == 0


def test_a_variable_that_is_missing(ready: Shell, carrier: Carrier) -> None:
    """What the text lacks is named."""
    ran = ready("send", "send_sms", *NUMBERS)
    assert ran.code == 1
    assert "unresolved_variable" in ran.out
    assert "name" in ran.out
    assert carrier.posts() == 0


@pytest.mark.parametrize(
    ("caller", "code", "status"),
    [
        ("+17025550110", 1, "rejected"),  # has said STOP
        ("+17025550143", 3, "unknown"),  # the connection broke after the text was taken
        ("+17025550152", 0, "pending"),  # the answer comes late
    ],
)
def test_the_exit_code_says_what_is_known(
    ready: Shell, carrier: Carrier, caller: str, code: int, status: str
) -> None:
    """1: certainly not sent. 3: it may have been, do not run it again. 0: it was, or is being."""
    sent = ready("send", "send_sms", "--from", AGENT, "--to", caller, "--var", "name=Ann", "--yes", "--json")
    assert (sent.json["status"], sent.code) == (status, code)
    assert carrier.posts() == 1
    (listed,) = ready("messages", "--json").json
    assert listed["state"] != "sending"  # what is under way is waited for, and written down


@pytest.mark.parametrize("yes", [(), ("--yes",)], ids=["look", "send"])
def test_an_unknown_tool(ready: Shell, carrier: Carrier, yes: tuple[str, ...]) -> None:
    """A wrong command, not a rejected text: exit 2, the tools there are, and the one that was meant."""
    ran = ready("send", "send_smss", *NUMBERS, *yes)
    assert (ran.code, ran.out) == (2, "")
    assert "Did you mean send_sms?" in ran.err
    assert "write_sms" in ran.err
    assert carrier.posts() == 0


@pytest.mark.parametrize(
    "number", ["2025550142", "+1", "nobody", "", "anonymous", "+12025550142x", "1" * 400]
)
def test_a_number_that_is_none(ready: Shell, number: str) -> None:
    """Exit 2: which option, and how a number is written."""
    for option, other in (("--to", "--from"), ("--from", "--to")):
        ran = ready("send", "send_sms", option, number, other, AGENT)
        assert ran.code == 2
        assert option in ran.err
        assert "+12025550142" in ran.err


def test_a_variable_that_is_not_written_as_one(ready: Shell) -> None:
    """NAME=VALUE; the value may have any characters, equals signs too."""
    assert "NAME=VALUE" in ready("send", "send_sms", *NUMBERS, "--var", "Ann").err
    assert "NAME=VALUE" in ready("send", "send_sms", *NUMBERS, "--var", "=Ann").err
    assert (
        ready("send", "send_sms", *NUMBERS, "--var", "name=a=b", "--json").json["text"].startswith("Hi a=b,")
    )


def test_without_an_account(shell: Shell) -> None:
    """Nothing can be sent from nowhere, and that is said."""
    shell.write('[tools.send_sms]\nsms_content = { type = "predefined", text = "Hi" }\n')
    ran = shell("send", "send_sms", *NUMBERS)
    assert ran.code == 1
    assert "no_sender" in ran.out
    assert "account" in ran.out
