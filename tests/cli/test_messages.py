"""`midcall messages`: a list for people and for programs, and one text with all that is known of it."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from midcall import Accepted, Reason
from midcall.ledger import Charge, ClaimRequest, Ledger, NewMessage, Won
from tests.cli.conftest import AGENT, CALLER, Shell

LONG = (
    "Your appointment is on Friday at nine o'clock; bring the form, the old form, and the form for the form."
)


async def _fill(file: Path, count: int) -> list[str]:
    """A ledger with `count` accepted texts and one refused; their ids, newest first."""
    ledger = await Ledger.open(f"sqlite:///{file}")
    ids = []
    try:
        for number in range(count):
            message = NewMessage(
                platform="retell",
                call_id=f"call_{number % 2}",
                tool="send_sms",
                account="twilio",
                sender=AGENT,
                destination=f"+120255501{number:02}",
                text=f"{number}: {LONG}",
                encoding="gsm-7",
                segments=1,
            )
            request = ClaimRequest(message=message, key=f"key {number}", request={"Body": LONG})
            won = await ledger.claim(request)
            assert isinstance(won, Won)
            await ledger.record_result(
                message.id, n=1, result=Accepted(f"SM{number}", raw={"sid": f"SM{number}"})
            )
            ids.append(message.id)
        refused = NewMessage(
            platform="retell",
            call_id="call_9",
            tool="send_sms",
            reason=Reason.NO_CALLER_NUMBER,
            detail="a web call",
        )
        await ledger.record_refusal(refused, key="refused")
        ids.append(refused.id)
    finally:
        await ledger.aclose()
    return ids[::-1]


@pytest.fixture
def filled(shell: Shell) -> tuple[Shell, list[str]]:
    """Twelve texts and a refusal."""
    return shell, asyncio.run(_fill(shell.folder / "midcall.db", 12))


def test_none_yet(shell: Shell) -> None:
    """Words, an empty list for programs, exit 0; and looking makes no ledger where there was none."""
    assert shell("messages").out == "No texts yet.\n"
    assert shell("messages", "--json").json == []
    assert shell("messages", "0190").code == 2
    assert shell("optouts", "list", "--json").json == []
    assert list(shell.folder.iterdir()) == []


def test_newest_first(filled: tuple[Shell, list[str]]) -> None:
    """All of them, or as many as are asked for."""
    shell, ids = filled
    assert [message["id"] for message in shell("messages", "--json").json] == ids
    assert [message["id"] for message in shell("messages", "--json", "--limit", "3").json] == ids[:3]


def test_filters(filled: tuple[Shell, list[str]]) -> None:
    """By state, call and number, together; what matches nothing says so."""
    shell, ids = filled
    assert [message["id"] for message in shell("messages", "--state", "rejected", "--json").json] == ids[:1]
    assert len(shell("messages", "--call", "call_1", "--json").json) == 6
    found = shell("messages", "--to", "+1 (202) 555-0103", "--state", "accepted", "--json").json
    assert [message["to"] for message in found] == ["+12025550103"]
    assert shell("messages", "--to", CALLER).out == "No text matches.\n"


def test_a_pipe_gets_everything(filled: tuple[Shell, list[str]]) -> None:
    """What is not a terminal has no width: whole ids, whole texts, one line each, no colours, numbers masked."""
    shell, ids = filled
    lines = shell("messages").out.splitlines()
    assert len(lines) == 1 + 13
    for identity, line in zip(ids, lines[1:], strict=True):
        assert line.startswith(identity)
    assert lines[-1].endswith(f"0: {LONG}")
    assert "\x1b" not in "".join(lines)
    assert "+1202•••0100" in lines[-1]
    assert AGENT not in "".join(lines)
    assert [line for line in lines if line != line.rstrip()] == []


def test_one_in_full(filled: tuple[Shell, list[str]]) -> None:
    """By its whole id or its beginning, with timeline and attempts; numbers and words are whole."""
    shell, ids = filled
    for name in (ids[-1], ids[-1].upper(), ids[-1][:30]):
        shown = shell("messages", name)
        assert shown.code == 0
        for words in (ids[-1], AGENT, "+12025550100", LONG, "SM0", "claimed", "accepted", "1 attempt"):
            assert words in shown.out
    body = shell("messages", ids[-1], "--json").json
    assert body["attempts_made"][0]["response"] == {"sid": "SM0"}
    assert body["attempts_made"][0]["request"]
    assert body["events"][0]["kind"] == "claimed"


def test_one_that_was_refused(filled: tuple[Shell, list[str]]) -> None:
    """Without sender, destination or attempt it is shown all the same."""
    shell, ids = filled
    shown = shell("messages", ids[0]).out
    assert "no_caller_number" in shown
    assert "a web call" in shown
    assert "0 attempts" in shown


def test_a_beginning_of_several_or_none(filled: tuple[Shell, list[str]]) -> None:
    """Exit 2 with words, and nothing is guessed."""
    shell, ids = filled
    several = shell("messages", ids[0][:6])
    assert (several.code, several.out) == (2, "")
    assert "several" in several.err
    for name in ("ffffffff", "zzz", "%", "' OR 1=1", ""):
        none = shell("messages", name)
        assert (none.code, none.out) == (2, "")
    assert "leave out" in shell("messages", ids[0], "--state", "sent").err


def test_a_charge_is_no_text(shell: Shell) -> None:
    """A refusal by a limit is listed with its reason, like every other."""

    async def fill() -> None:
        ledger = await Ledger.open(f"sqlite:///{shell.folder / 'midcall.db'}")
        charge = Charge(scope="call", subject="call_1", limit=0, reason=Reason.LIMIT_PER_CALL)
        message = NewMessage(
            platform="retell", call_id="call_1", tool="send_sms", text="x", destination=CALLER
        )
        await ledger.claim(ClaimRequest(message=message, key="k", charges=(charge,)))
        await ledger.aclose()

    asyncio.run(fill())
    (message,) = shell("messages", "--json").json
    assert (message["state"], message["reason"]) == ("rejected", "limit_per_call")


def test_times_are_utc(filled: tuple[Shell, list[str]]) -> None:
    """Whatever zone the machine is in, and the heading says so."""
    shell, _ = filled
    out = shell.apart("messages", TZ="Asia/Tokyo").out
    assert "at (UTC)" in out
    (written,) = set(re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d", out)) or {""}
    assert (
        abs(
            (
                datetime.strptime(written, "%Y-%m-%d %H:%M").replace(tzinfo=UTC) - datetime.now(UTC)
            ).total_seconds()
        )
        < 180
    )
