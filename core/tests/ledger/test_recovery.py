from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from midcall import Accepted, MessageState, Reason
from midcall.ledger import Ledger
from midcall.ledger.ownership import Ownership

SENDER = """
import asyncio, sys
from midcall.ledger import ClaimRequest, Ledger, NewMessage

async def main() -> None:
    ledger = await Ledger.open(sys.argv[1])
    message = NewMessage(platform="retell", call_id="call-1", tool="send_link")
    await ledger.claim(ClaimRequest(message=message, key="key", lease_s=3600))
    print(message.id, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""

needs_locks = pytest.mark.skipif(sys.platform == "win32", reason="no such locks there: leases only")


@contextmanager
def somebody_sends(url: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process that is sending a text, and the text's id."""
    process = subprocess.Popen([sys.executable, "-c", SENDER, url], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


@needs_locks
async def test_a_killed_sender_is_known_at_once(ledger: Ledger, url: str, path: Path) -> None:
    """Alive, its text is left alone; killed with SIGKILL between claim and answer, its text is unknown without any waiting,
    once, and nothing of it is left beside the ledger."""
    with somebody_sends(url) as (process, message_id):
        assert await ledger.recover() == ()
        process.kill()
        process.wait()
        (recovered,) = await ledger.recover()
    assert (recovered.id, recovered.state) == (message_id, MessageState.UNKNOWN)
    assert recovered.reason is Reason.CRASHED
    assert (await ledger.events(message_id))[-1].kind == "recovered"
    assert await ledger.recover() == ()
    owners = [file.name for file in path.parent.iterdir() if ".owner-" in file.name]
    assert owners == [f"ledger.db.owner-{ledger.boot_id}"]


async def test_a_lease_that_ran_out(ledger: Ledger, won: Any, clock: Any) -> None:
    """Whoever holds it: past its lease a text is not being sent any more, and says so. Within it, it is left alone."""
    message = await won(lease_s=30.0)
    clock.advance(29.9)
    assert await ledger.recover() == ()
    clock.advance(0.1)
    (recovered,) = await ledger.recover()
    assert (recovered.id, recovered.detail) == (message.id, "the lease ran out")


async def test_what_is_settled_is_left_alone(ledger: Ledger, won: Any, clock: Any) -> None:
    """Recovery looks at `sending` only."""
    message = await won()
    await ledger.record_result(message.id, n=1, result=Accepted("SM1"))
    clock.advance(86_400)
    assert await ledger.recover() == ()


@needs_locks
async def test_a_closed_ledger_sends_nothing(ledger: Ledger, url: str, claim_of: Any, clock: Any) -> None:
    """An orderly end counts as a death: what it left `sending` is unknown at once."""
    other = await Ledger.open(url, clock=clock)
    await other.claim(claim_of(lease_s=3_600.0))
    assert await ledger.recover() == ()
    await other.aclose()
    assert len(await ledger.recover()) == 1


@needs_locks
def test_owners(tmp_path: Path) -> None:
    """An owner may live until it is released; cleaning up removes the dead and never the living."""
    database = tmp_path / "ledger.db"
    one, two = Ownership.take(database), Ownership.take(database)
    assert one.may_live(one.boot_id)
    assert one.may_live(two.boot_id)
    left = tmp_path / "ledger.db.owner-dead"
    left.touch()
    assert not one.may_live("dead")
    one.clean_up()
    assert not left.exists()
    assert two.may_live(one.boot_id)
    one.release()
    one.release()
    assert not two.may_live(one.boot_id)
    two.release()
    assert list(tmp_path.iterdir()) == []


@needs_locks
def test_an_owner_whose_file_is_removed_before_it_is_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process's cleaning up may come between making and locking the file: the file is then made again."""
    import fcntl

    database, lock, removed = tmp_path / "ledger.db", fcntl.flock, list[Path]()

    def slow(descriptor: int, operation: int) -> None:
        if not removed:
            removed.extend(tmp_path.iterdir())
            removed[0].unlink()
        lock(descriptor, operation)

    with monkeypatch.context() as patched:
        patched.setattr(fcntl, "flock", slow)
        owner = Ownership.take(database)
    assert list(tmp_path.iterdir()) == removed
    assert Ownership(database, "onlooker", None).may_live(owner.boot_id)
    owner.release()
