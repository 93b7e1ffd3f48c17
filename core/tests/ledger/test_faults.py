from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from midcall import ConfigError, LedgerBusy, LedgerError
from midcall.ledger import Ledger, Won
from midcall.ledger.location import Location


async def test_a_locked_ledger(url: str, path: Path, claim_of: Any) -> None:
    """Another program holds the lock: the claim says busy within its time, nothing was claimed, and reads still answer."""
    ledger = await Ledger.open(url, busy_timeout_s=5)
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            began = time.monotonic()
            with pytest.raises(LedgerBusy):
                await ledger.claim(claim_of(), deadline=time.monotonic() + 0.1)
            assert time.monotonic() - began < 2
            assert await ledger.answered("key") is None
            other.execute("ROLLBACK")
        assert isinstance(await ledger.claim(claim_of()), Won)
        assert len(await ledger.messages()) == 1
    finally:
        await ledger.aclose()


def test_a_file_that_is_no_database(path: Path, url: str) -> None:
    """The error names the file and what to do; the file is left as it is."""
    path.write_bytes(b"these are my notes, not a ledger\n" * 100)
    with pytest.raises(LedgerError, match="is not an SQLite file") as caught:
        asyncio.run(Ledger.open(url))
    assert str(path) in str(caught.value)
    assert path.read_bytes() == b"these are my notes, not a ledger\n" * 100


def test_a_damaged_ledger(path: Path, url: str, claim_of: Any) -> None:
    """Pages overwritten with noise: whoever meets them first, at the opening or in a claim, hears of damage."""
    asyncio.run(_open_and_claim(url, claim_of("before")))
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4_096)
        file.write(b"\xa5" * (size - 4_096))
    with pytest.raises(LedgerError, match="is damaged") as caught:
        asyncio.run(_open_and_claim(url, claim_of("after")))
    assert str(path) in str(caught.value)


async def _open_and_claim(url: str, request: Any) -> None:
    ledger = await Ledger.open(url)
    try:
        await ledger.claim(request)
    finally:
        await ledger.aclose()


async def test_a_full_disk(ledger: Ledger, claim_of: Any) -> None:
    """A claim that does not fit is not made, others of its kind neither; with space again all goes on."""
    pages = await ledger._writer.run(lambda db: db.execute("PRAGMA page_count").fetchone()[0])
    await ledger._writer.run(lambda db: db.execute(f"PRAGMA max_page_count={pages}").fetchone())
    huge = claim_of("huge", message={"text": "x" * 200_000})
    with pytest.raises(LedgerError, match="free some space"):
        await ledger.claim(huge)
    assert await ledger.answered("huge") is None
    assert await ledger.message(huge.message.id) is None
    await ledger._writer.run(lambda db: db.execute("PRAGMA max_page_count=1000000").fetchone())
    assert isinstance(await ledger.claim(huge), Won)


READ_ONLY = """
import asyncio, os, sys
import alembic.command, sqlalchemy.pool, encodings.idna
from midcall import LedgerError
from midcall.ledger import Ledger, ClaimRequest, NewMessage
import logging.config, sqlalchemy.dialects.sqlite, alembic.script, alembic.runtime.environment

async def main() -> None:
    try:
        ledger = await Ledger.open(sys.argv[1])
    except LedgerError as error:
        print(error)
        return
    try:
        await ledger.claim(ClaimRequest(message=NewMessage(platform="p", call_id="c", tool="t"), key="k"))
    except LedgerError as error:
        print(error)
    finally:
        await ledger.aclose()

if os.geteuid() == 0:
    os.setgroups([])
    os.setuid(65534)  # root may write anywhere; nobody may not
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="rights work differently there")
@pytest.mark.parametrize("exists", [False, True])
def test_a_folder_that_cannot_be_written(exists: bool) -> None:
    """Whether the ledger is there or not: one sentence with the file and the fix."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "ledger.db"
        if exists:
            asyncio.run(_open_and_close(f"sqlite:///{path}"))
            path.chmod(0o444)
        folder.chmod(0o555)
        try:
            done = subprocess.run(
                [sys.executable, "-c", READ_ONLY, f"sqlite:///{path}"],
                capture_output=True,
                text=True,
                timeout=50,
                check=True,
            )
        finally:
            folder.chmod(0o755)
    assert str(path) in done.stdout
    assert "give this user the right to write" in done.stdout


async def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    """A ledger is made where it was asked for, and folders are not made up."""
    with pytest.raises(LedgerError, match="does not exist; make it"):
        await Ledger.open(f"sqlite:///{tmp_path}/no/such/ledger.db")
    with pytest.raises(LedgerError, match="is a folder"):
        await Ledger.open(f"sqlite:///{tmp_path}")


@pytest.mark.parametrize(
    "url", ["", "ledger.db", "sqlite:", "sqlite:///", "sqlite:///a.db?mode=ro", "sqlite://host/a.db"]
)
async def test_a_url_that_is_none(url: str) -> None:
    """The forms that work are in the error."""
    with pytest.raises(ConfigError, match=r"sqlite:///midcall\.db"):
        await Ledger.open(url)


def test_a_password_is_not_repeated() -> None:
    """A URL of another database may hold one; the error must not."""
    with pytest.raises(ConfigError) as caught:
        Location.parse("postgresql://midcall:hunter2@db.example.com/ledger")
    assert "hunter2" not in str(caught.value)
    assert "db.example.com" in str(caught.value)


async def _open_and_close(url: str) -> Path:
    ledger = await Ledger.open(url)
    await ledger.aclose()
    await ledger.aclose()
    return ledger._location.path


def test_relative_absolute_and_temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three slashes: from the working folder. Four: absolute. Two: gone when closed."""
    monkeypatch.chdir(tmp_path)
    asyncio.run(_open_and_close("sqlite:///near.db"))
    asyncio.run(_open_and_close(f"sqlite:///{tmp_path}/far.db"))
    assert {file.name for file in tmp_path.iterdir()} == {"near.db", "far.db"}
    temporary = asyncio.run(_open_and_close("sqlite://"))
    assert not temporary.parent.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="rights work differently there")
async def test_nobody_else_may_read_the_ledger(ledger: Ledger, won: Any, path: Path) -> None:
    """It holds people's numbers and texts: the file and all beside it belong to its user alone."""
    await won()
    rights = {file.name: file.stat().st_mode & 0o077 for file in path.parent.iterdir()}
    assert set(rights.values()) == {0}
    assert len(rights) == 4, "the database, its log, its shared memory, the owner's file"


async def test_a_closed_ledger(url: str, claim_of: Any) -> None:
    """Reading and writing after the end are errors, not hangs."""
    ledger = await Ledger.open(url)
    await ledger.aclose()
    with pytest.raises(LedgerError, match="has been closed"):
        await ledger.claim(claim_of())
    with pytest.raises(LedgerError, match="has been closed"):
        await ledger.messages()
