from __future__ import annotations

import re
import time
import uuid
from pathlib import Path
from typing import Any

from midcall import Accepted, MessageState, Unknown
from midcall.ledger import Ledger, new_message_id


async def test_messages_are_listed_newest_first(ledger: Ledger, won: Any) -> None:
    """By state, call and destination, alone and together, and on from the last one seen."""
    made = [
        await won(
            f"key-{n}",
            message={"call_id": f"call-{n % 2}", "destination": f"+1202555010{n % 3}"},
        )
        for n in range(6)
    ]
    ids = [message.id for message in reversed(made)]
    assert [message.id for message in await ledger.messages()] == ids
    assert [message.id for message in await ledger.messages(limit=2)] == ids[:2]
    assert [message.id for message in await ledger.messages(limit=2, before=ids[1])] == ids[2:4]
    assert await ledger.messages(call_id="call-1", destination="+12025550100") == (made[3],)
    accepted = await ledger.record_result(made[0].id, n=1, result=Accepted("SM1"))
    unknown = await ledger.record_result(made[1].id, n=1, result=Unknown())
    assert await ledger.messages(state=MessageState.ACCEPTED) == (accepted,)
    assert await ledger.messages(state=MessageState.UNKNOWN) == (unknown,)
    assert len(await ledger.messages(state=MessageState.SENDING)) == 4


async def test_a_message_is_found_by_the_beginning_of_its_id(ledger: Ledger, won: Any) -> None:
    """One, several, or none; in capitals too; and nothing in it is a pattern."""
    one, two = await won("one"), await won("two")
    assert await ledger.find_message(one.id) == (one,)
    assert await ledger.find_message(one.id.upper()) == (one,)
    common = one.id[: next(n for n in range(36) if one.id[n] != two.id[n])]
    assert await ledger.find_message(common) == (two, one)
    assert await ledger.find_message(common, limit=1) == (two,)
    assert await ledger.find_message("%") == ()
    assert await ledger.message(one.id[:-1]) is None


def test_ids_are_version_7_and_sort_by_time() -> None:
    """An index on them grows at its end; each is a UUID as RFC 9562 has it, with the time of its making."""
    ids = []
    for _ in range(200):
        ids.append(new_message_id())
        until = time.time_ns() + 1_000
        while time.time_ns() < until:
            pass
    assert ids == sorted(set(ids))
    first = uuid.UUID(ids[0])
    assert (first.version, first.variant) == (7, uuid.RFC_4122)
    assert abs((first.int >> 80) - time.time() * 1_000) < 60_000
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", ids[0])


async def test_a_closed_ledger_is_one_file(url: str, path: Path) -> None:
    """After a clean close the database is whole in its one file, so that a copy of that file is a backup."""
    ledger = await Ledger.open(url)
    await ledger.opt_out("+12025550142", source="person")
    assert await ledger.opted_out("+12025550142")
    await ledger.aclose()
    assert [file.name for file in path.parent.iterdir()] == [path.name]
