"""`/readyz` says whether texts can be sent now; `/healthz` only that the process lives."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from pathlib import Path

import pytest

from midcall import Midcall, load_settings
from tests.server.deployment import Served, serving


async def _problems(served: Served) -> list[str]:
    """The problems, after the time that one look holds for."""
    await asyncio.sleep(1.1)
    answer = await served.get("/readyz", token=None)
    assert answer.status == (503 if answer.json["problems"] else 200)
    assert answer.json["status"] == ("not ready" if answer.json["problems"] else "ready")
    assert (await served.get("/healthz", token=None)).status == 200
    return [str(problem) for problem in answer.json["problems"]]


async def test_ready(served: Served) -> None:
    """With a ledger and an account there is no problem."""
    assert await _problems(served) == []


async def test_a_ledger_that_is_locked(served: Served, ledger: Path) -> None:
    """Held by another program: not ready while it lasts, ready again afterwards."""
    blocker = sqlite3.connect(ledger, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    (problem,) = await _problems(served)
    assert "locked" in problem
    blocker.close()
    assert await _problems(served) == []


async def test_a_ledger_that_is_gone(served: Served, ledger: Path) -> None:
    """SQLite would go on writing a file without a name: whoever removed it is told before the texts are lost."""
    os.rename(ledger, f"{ledger}.moved")  # noqa: PTH104 - at once: the event loop has nothing else to do
    (problem,) = await _problems(served)
    assert "removed or replaced" in problem
    sqlite3.connect(ledger, isolation_level=None).execute("CREATE TABLE other (id)").connection.close()
    assert "removed or replaced" in (await _problems(served))[0]


async def test_a_ledger_that_is_damaged(ledger: Path) -> None:
    """What cannot be read is said, with the way out."""
    async with serving(ledger) as served:
        await served.call_tool(served.a_call())
        await served.sim.settled()
        for name in (ledger, ledger.with_name("midcall.db-wal")):
            name.write_bytes(b"\xee" * name.stat().st_size)
        found = await _problems(served)
        assert found
        assert "damaged" in found[0] or "not an SQLite file" in found[0] or "I/O error" in found[0]


async def test_no_account() -> None:
    """Nothing can be sent from nowhere."""
    settings = load_settings(environ={}, overrides={"server": {"ledger": "sqlite://"}})
    async with Midcall(settings) as midcall:
        (problem,) = await midcall.problems()
        assert "[accounts.NAME]" in problem
    assert await midcall.problems() == ["Midcall has not been started"]


async def test_many_who_ask_are_one_look(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """No token is needed, so a hundred questions must not be a hundred writes."""
    looks = []
    look = served.midcall.problems

    async def counted() -> list[str]:
        looks.append(1)
        return await look()

    monkeypatch.setattr(served.midcall, "problems", counted)
    for _ in range(100):
        assert (await served.get("/readyz", token=None)).status == 200
    assert len(looks) <= 5
