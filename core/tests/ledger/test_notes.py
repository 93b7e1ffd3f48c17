from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from midcall import Call, CallKind, Direction, Known, LedgerError, Reason, SenderCheck
from midcall.ledger import ImportCounts, Ledger, OptOut

NUMBER = "+12025550142"


async def test_a_call_reads_back_as_it_was(ledger: Ledger, clock: Any) -> None:
    """Values keep the type they arrived with."""
    call = Call(
        platform="retell",
        id="call-1",
        direction=Direction.INBOUND,
        user_number=NUMBER,
        agent_number="+12025550100",
        kind=CallKind.PHONE,
        variables={"order": "17", "count": 3, "vip": True, "none": None, "nested": {"a": [1.5]}},
        collected={"name": "Zoë"},
        defaults={"greeting": "hi"},
        language="de",
        began_at=clock.now,
    )
    assert await ledger.save_call(call) == call
    assert await ledger.call("retell", "call-1") == call
    assert await ledger.call("vapi", "call-1") is None


async def test_what_is_known_of_a_call_is_never_lost(ledger: Ledger, clock: Any) -> None:
    """A later event that knows less adds what it knows and takes nothing away; an ended call stays ended."""
    full = Call(
        platform="retell",
        id="call-1",
        direction=Direction.OUTBOUND,
        user_number=NUMBER,
        agent_number="+12025550100",
        variables={"a": "1", "b": "1"},
        language="en",
        began_at=clock.now,
    )
    await ledger.save_call(full)
    ended_at = clock.now + timedelta(seconds=60)
    ended = await ledger.end_call("retell", "call-1", ended_at)
    assert ended is not None
    assert ended.ended_at == ended_at
    later = Call(
        platform="retell",
        id="call-1",
        direction=Direction.OUTBOUND,
        user_number=None,
        agent_number=None,
        variables={"b": "2"},
        collected={"c": "3"},
    )
    merged = await ledger.save_call(later)
    assert merged == replace(full, variables={"a": "1", "b": "2"}, collected={"c": "3"}, ended_at=ended_at)
    assert await ledger.call("retell", "call-1") == merged
    again = await ledger.end_call("retell", "call-1", ended_at + timedelta(seconds=5))
    assert again == merged
    assert await ledger.end_call("retell", "unheard-of", ended_at) is None


async def test_an_opt_out_and_its_history(ledger: Ledger, clock: Any) -> None:
    """It holds from the moment it is recorded until it is lifted; the first one's evidence stays; nothing is forgotten."""
    assert await ledger.opted_out(NUMBER) is None
    first = await ledger.opt_out(NUMBER, source="keyword", evidence="STOP")
    assert first == OptOut(number=NUMBER, source="keyword", evidence="STOP", at=clock.now)
    clock.advance(10)
    assert await ledger.opt_out(NUMBER, source="carrier") == first
    assert await ledger.opted_out(NUMBER) == first
    assert await ledger.lift_opt_out(NUMBER)
    assert not await ledger.lift_opt_out(NUMBER)
    assert await ledger.opted_out(NUMBER) is None
    second = await ledger.opt_out(NUMBER, source="person")
    assert await ledger.opt_outs() == (second,)
    assert await ledger.opt_outs(number=NUMBER, lifted=True) == (second, replace(first, lifted_at=clock.now))
    assert await ledger.opt_outs(number="+12025550143", lifted=True) == ()


async def test_a_scope_is_lifted_alone(ledger: Ledger) -> None:
    """START lifts the opt-out of its own scope and no other."""
    await ledger.opt_out(NUMBER, source="keyword", scope="twilio")
    everything = await ledger.opt_out(NUMBER, source="person")
    assert await ledger.lift_opt_out(NUMBER, scope="twilio")
    assert await ledger.opted_out(NUMBER, scopes=("twilio",)) is None
    assert await ledger.opted_out(NUMBER, scopes=("twilio", "*")) == everything


async def test_opt_outs_are_imported_all_or_none(ledger: Ledger, clock: Any) -> None:
    """Known ones are counted and left as they are; a list that breaks half-way leaves nothing behind."""
    known = await ledger.opt_out(NUMBER, source="keyword")
    rows = [OptOut(number=f"+1202555{n:04}", source="import", at=clock.now) for n in range(100, 200)]
    broken: Any = OptOut(number="+12025550150", source=["not text"], at=clock.now)  # type: ignore[arg-type]  # on purpose
    with pytest.raises(LedgerError):
        await ledger.import_opt_outs([*rows, replace(broken, number="+12025559999")])
    assert await ledger.opt_outs(limit=1_000) == (known,)
    assert await ledger.import_opt_outs(rows) == ImportCounts(added=99, already=1)
    assert len(await ledger.opt_outs(limit=1_000)) == 100
    assert len(await ledger.opt_outs(limit=30, offset=90)) == 10


async def test_senders(ledger: Ledger, clock: Any) -> None:
    """A check and a block are remembered side by side; neither removes the other, and a block ends by time."""
    assert await ledger.sender("twilio", "+12025550100") is None
    check = SenderCheck(
        owned=Known.YES,
        sms=Known.YES,
        registered=Known.NO,
        reason=Reason.SENDER_NOT_REGISTERED,
        detail="no campaign",
        checked_at=clock.now,
        good_for_s=60.0,
    )
    await ledger.remember_sender("twilio", "+12025550100", check)
    until = clock.now + timedelta(hours=1)
    await ledger.block_sender(
        "twilio", "+12025550100", reason=Reason.SENDER_NOT_REGISTERED, detail="30034", until=until
    )
    await ledger.remember_sender("twilio", "+12025550100", replace(check, checked_at=None))
    known = await ledger.sender("twilio", "+12025550100")
    assert known is not None
    assert known.check == check, "an undated check is dated when it is remembered"
    assert (known.blocked_reason, known.blocked_detail, known.blocked_until) == (
        Reason.SENDER_NOT_REGISTERED,
        "30034",
        until,
    )
    assert await ledger.blocked_senders() == (known,)
    clock.advance(3_600)
    assert await ledger.blocked_senders() == ()
