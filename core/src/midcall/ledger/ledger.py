"""The ledger: what was promised, tried and learnt about every text, durably, and the one place that decides who sends.

Every method either did all of what it says or nothing. Writes go through one thread that commits many at once; reads have
their own connections and never wait for a writer. What fails raises `LedgerBusy` (locked, or too slow) or `LedgerError`
(the file is broken, the disk is full, ...): in both cases nothing was written and nothing may be sent.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from midcall.contract.calls import Call
from midcall.contract.messages import Message, MessageEvent, MessageState
from midcall.contract.reasons import Reason
from midcall.contract.results import SendResult
from midcall.contract.senders import SenderCheck
from midcall.contract.webhooks import Receipt
from midcall.ledger import claiming, notes, queries, receiving, recovering, settling
from midcall.ledger.location import Location
from midcall.ledger.migrate import bring_up
from midcall.ledger.moving import Change, Done
from midcall.ledger.ownership import Ownership
from midcall.ledger.reading import Reader
from midcall.ledger.records import (
    Applied,
    Attempt,
    Charge,
    ClaimRequest,
    Denied,
    ImportCounts,
    Lost,
    NewMessage,
    OptOut,
    RememberedSender,
    Won,
)
from midcall.ledger.rows import utc_now
from midcall.ledger.watching import Watch
from midcall.ledger.writer import Writer

T = TypeVar("T")


class Ledger:
    """An open ledger. Make one with `await Ledger.open(url)`; let go of it with `aclose()`.

    One process may open the same file more than once, and several processes may share it: each opening has its own
    `boot_id`, by which a message's owner is known to be alive or dead.
    """

    def __init__(self, location: Location, *, clock: Callable[[], datetime], busy_timeout_s: float) -> None:
        """Use `Ledger.open`, which also brings the file's tables up to date."""
        self._location = location
        self._clock = clock
        self._watch = Watch()
        self._ownership = Ownership.take(location.path)
        try:
            self._writer = Writer(location.path, busy_timeout_s=busy_timeout_s)
        except BaseException:
            self._ownership.release()
            raise
        self._reader = Reader(location.path, busy_timeout_s=busy_timeout_s)

    # Opening and closing

    @classmethod
    async def open(
        cls, url: str, *, clock: Callable[[], datetime] = utc_now, busy_timeout_s: float = 1.0
    ) -> Ledger:
        """Open the ledger at `url`, making or migrating its file first.

        `url`: `sqlite:///relative.db` (from the working folder), `sqlite:////absolute.db`, or `sqlite://` for a ledger that
        is gone when it is closed. `clock` answers the time, aware and in UTC. `busy_timeout_s`: how long, in seconds, one
        write may wait for another process's.

        Raises `ConfigError` for a URL that is none of these, `LedgerError` when the file cannot be used or was written by a
        newer Midcall, `LedgerBusy` when another program keeps it locked.
        """

        def prepare() -> Ledger:
            location = Location.parse(url)
            try:
                bring_up(location)
                return cls(location, clock=clock, busy_timeout_s=busy_timeout_s)
            except BaseException:
                location.discard()
                raise

        return await asyncio.to_thread(prepare)

    async def aclose(self) -> None:
        """Finish what was asked for, then close. May be called more than once. Later writes raise `LedgerError`."""

        def close() -> None:
            # The writer last: only a connection that may write can fold SQLite's side files back into the database.
            self._reader.close()
            self._writer.close()
            self._ownership.release()
            self._location.discard()

        await asyncio.to_thread(close)

    @property
    def boot_id(self) -> str:
        """This opening's name: the owner of what it is sending."""
        return self._ownership.boot_id

    # Calls

    async def save_call(self, call: Call) -> Call:
        """Remember a call, or what is new about a known one, and answer all that is known.

        Known by platform and id. Variables, collected values and defaults are added to (a new value replaces an old one of
        that name); a number, language or time once known is never lost to None.
        """
        return await self._write(lambda db: notes.save_call(db, call, self._epoch()))

    async def call(self, platform: str, call_id: str) -> Call | None:
        """A call, or None if it was never saved."""
        return await self._read(lambda db: queries.call(db, platform, call_id))

    async def end_call(self, platform: str, call_id: str, at: datetime) -> Call | None:
        """A call ended at `at`. The first end told stays. None if the call was never saved."""
        return await self._write(lambda db: notes.end_call(db, platform, call_id, at, self._epoch()))

    # Claims

    async def answered(self, key: str, *, arguments_hash: str | None = None) -> Lost | None:
        """What this key was answered with, None if it is free. `arguments_hash`, if given, is compared with the first one's."""
        return await self._read(lambda db: queries.answered(db, key, arguments_hash, self._epoch()))

    async def claim(self, request: ClaimRequest, *, deadline: float | None = None) -> Won | Lost | Denied:
        """Claim the right to send one text: the one transaction before the wire.

        In order: the key is taken (an expired one is replaced), the slot is taken, the recipient's opt-out is looked up
        again, every limit is charged (all or none), the message is inserted `sending` with owner and lease, attempt 1 with
        its exact request, event `claimed`. Only `Won` may be sent. When the slot is another's the key becomes a second name
        of that message; a text that is opted out or over a limit is recorded `rejected` under the key, with no slot taken
        and nothing charged.

        `deadline` is on `time.monotonic()`, in seconds: a claim that has not begun by then is not made and raises
        `LedgerBusy`. If the caller is cancelled before the claim began, it is not made; afterwards it stands.
        """
        return await self._write(
            lambda db: claiming.claim(db, request, owner=self.boot_id, now=self._epoch()), deadline
        )

    async def over_limit(self, charges: Sequence[Charge]) -> Charge | None:
        """The first limit that is used up already. A look, for refusing early: only `claim` charges, and it looks again."""
        return await self._read(lambda db: queries.over_limit(db, charges, self._epoch()))

    async def record_refusal(
        self,
        message: NewMessage,
        *,
        key: str,
        key_seconds: float | None = None,
        arguments_hash: str = "",
        deadline: float | None = None,
    ) -> Denied | Lost:
        """Record a refusal made before the claim, under its key; `message.reason` says why.

        `Lost` when the key is taken already: then nothing is written, and the first answer stands.
        """
        return await self._write(
            lambda db: claiming.refuse(
                db,
                message,
                key=key,
                key_seconds=key_seconds,
                arguments_hash=arguments_hash,
                now=self._epoch(),
            ),
            deadline,
        )

    # Attempts and their results

    async def begin_attempt(
        self,
        message_id: str,
        *,
        n: int,
        account: str,
        sender: str,
        text: str,
        media: tuple[str, ...] = (),
        encoding: str = "",
        segments: int = 0,
        request: Mapping[str, Any],
        lease_s: float = 30.0,
        deadline: float | None = None,
    ) -> bool:
        """Write down attempt `n` (2 or more) before it is made, after the last one certainly did nothing.

        True: go ahead; the message carries the new sender and text, and the lease runs anew. False: do not send. The message
        is no longer `sending`, is not ours, `n` is not the next attempt, or the recipient has opted out meanwhile (the
        message is then `rejected`).
        """
        return await self._write(
            lambda db: settling.begin_attempt(
                db,
                message_id,
                owner=self.boot_id,
                n=n,
                account=account,
                sender=sender,
                text=text,
                media=media,
                encoding=encoding,
                segments=segments,
                request=request,
                lease_s=lease_s,
                now=self._epoch(),
            ),
            deadline,
        )

    async def record_result(
        self, message_id: str, *, n: int, result: SendResult, final: bool = True
    ) -> Message:
        """Write down what attempt `n` was answered, and answer the message as it is then.

        `Accepted` moves it to `accepted` and applies receipts that were early; `Unknown` to `unknown`. `Refused` and
        `NotProcessed` close the attempt, and if `final` also reject the message, release its slot and refund its charges.
        What a receipt has moved further already is not moved back.
        """
        return await self._write(
            lambda db: settling.record_result(
                db, message_id, n=n, result=result, final=final, now=self._epoch()
            )
        )

    async def apply_receipt(self, account: str, receipt: Receipt) -> Applied:
        """Apply a carrier's news of a text.

        Found by our own id if an attempt of that message went through `account`, else by account and the carrier's id.
        News of a text not known yet is kept for `record_result`. The same news twice is applied once (`event_id`, or what it
        says). A text that did not arrive releases its slot, so that a corrected one may follow; its charges stay.
        """
        return await self._write(lambda db: receiving.apply_receipt(db, account, receipt, self._epoch()))

    async def settle(
        self,
        message_id: str,
        *,
        to: MessageState,
        reason: Reason | None = None,
        detail: str = "",
        carrier_id: str | None = None,
    ) -> Message:
        """Move a message by what was found out some other way: `find_sent`, or a person who looked (`parked`).

        A move the rank table does not have is not made; compare `state` of the answer.
        """
        return await self._write(
            lambda db: settling.settle(
                db, message_id, to=to, reason=reason, detail=detail, carrier_id=carrier_id, now=self._epoch()
            )
        )

    async def note(self, message_id: str, kind: str, data: Mapping[str, Any] | None = None) -> MessageEvent:
        """Add a line to a message's timeline; its state stays."""
        return await self._write(lambda db: settling.note(db, message_id, kind, data or {}, self._epoch()))

    async def recover(self, *, now: datetime | None = None) -> tuple[Message, ...]:
        """Call unknown what nobody is sending any more, and answer those messages.

        That is: `sending`, and its owner is dead (at once) or its lease ran out by `now`. A message of a live owner whose
        lease runs is never touched. Nothing is ever sent again because of it.
        """
        at = self._epoch() if now is None else now.timestamp()
        return await self._write(lambda db: recovering.recover(db, self._ownership, now=at))

    async def tidy(self) -> int:
        """Forget what has no more effect: expired keys and slots, minutes that no limit looks at, receipts that stayed
        unknown for a day. At most 1,000 rows of each; answers how many went. Messages and opt-outs are never removed."""
        return await self._write(lambda db: recovering.tidy(db, self._epoch()))

    # Looking

    async def message(self, message_id: str) -> Message | None:
        """A message by its whole id."""
        return await self._read(lambda db: queries.message(db, message_id))

    async def find_message(self, prefix: str, *, limit: int = 10) -> tuple[Message, ...]:
        """Messages whose id begins with `prefix`, newest first: none, the one, or several to choose from."""
        return await self._read(lambda db: queries.find_message(db, prefix, limit))

    async def messages(
        self,
        *,
        state: MessageState | None = None,
        call_id: str | None = None,
        destination: str | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> tuple[Message, ...]:
        """Messages, newest first. `before` is the id of the last one seen, to go on from there."""
        return await self._read(
            lambda db: queries.messages(
                db, state=state, call_id=call_id, destination=destination, limit=limit, before=before
            )
        )

    async def events(self, message_id: str) -> tuple[MessageEvent, ...]:
        """A message's timeline, oldest first."""
        return await self._read(lambda db: queries.events(db, message_id))

    async def attempts(self, message_id: str) -> tuple[Attempt, ...]:
        """A message's attempts, in order, with the exact requests and answers."""
        return await self._read(lambda db: queries.attempts(db, message_id))

    # Opt-outs

    async def opt_out(self, number: str, *, source: str, evidence: str = "", scope: str = "*") -> OptOut:
        """Record that `number` wants no texts; durable when this returns. An opt-out that holds already is answered."""
        return await self._write(
            lambda db: notes.opt_out(
                db,
                OptOut(number=number, source=source, at=self._clock(), scope=scope, evidence=evidence),
            )
        )

    async def lift_opt_out(self, number: str, *, scope: str = "*") -> bool:
        """Lift an opt-out of exactly this scope; it stays in the history. False if none held."""
        return await self._write(lambda db: notes.lift_opt_out(db, number, scope, self._epoch()))

    async def opted_out(self, number: str, *, scopes: Iterable[str] = ("*",)) -> OptOut | None:
        """The opt-out that holds for `number` in any of `scopes`. A claim looks at `*`, its account and its sender."""
        wanted = tuple(scopes)
        return await self._read(lambda db: queries.opted_out(db, number, wanted))

    async def opt_outs(
        self, *, number: str | None = None, lifted: bool = False, limit: int = 100, offset: int = 0
    ) -> tuple[OptOut, ...]:
        """Opt-outs, newest first; with `lifted`, also those that no longer hold."""
        return await self._read(
            lambda db: queries.opt_outs(db, number=number, lifted=lifted, limit=limit, offset=offset)
        )

    async def import_opt_outs(self, opt_outs: Iterable[OptOut]) -> ImportCounts:
        """Record many opt-outs, all or none. Those that hold already are left as they are."""
        wanted = tuple(opt_outs)
        return await self._write(lambda db: notes.import_opt_outs(db, wanted))

    # Senders

    async def remember_sender(self, account: str, number: str, check: SenderCheck) -> None:
        """Remember what a carrier said of one of our numbers. A block stays."""
        await self._write(lambda db: notes.remember_sender(db, account, number, check, self._epoch()))

    async def block_sender(
        self, account: str, number: str, *, reason: Reason, detail: str = "", until: datetime | None
    ) -> None:
        """Do not use a number until `until` (aware), because of `reason`; None lifts the block."""
        await self._write(
            lambda db: notes.block_sender(
                db, account, number, reason=reason, detail=detail, until=until, now=self._epoch()
            )
        )

    async def sender(self, account: str, number: str) -> RememberedSender | None:
        """What is remembered of one of our numbers."""
        return await self._read(lambda db: queries.sender(db, account, number))

    async def blocked_senders(self) -> tuple[RememberedSender, ...]:
        """Every number that is blocked now."""
        return await self._read(lambda db: queries.blocked_senders(db, self._epoch()))

    # Changes

    async def wait_for_change(self, message_id: str, *, since: MessageState, timeout: float) -> Message:  # noqa: ASYNC109 - the time is the caller's budget, and running out of it is an answer, not an error
        """The message as soon as its state is not `since`, or as it is after `timeout` seconds.

        Returns at once when the state differs already. A move made by this ledger wakes the waiter; one made by another
        process is seen within 100 ms. Raises `LedgerError` if there is no such message.
        """
        until = time.monotonic() + timeout
        return await self._watch.wait(message_id, since=since, until=until, look=self.message)

    def on_change(self, callback: Callable[[Message, MessageEvent], None]) -> Callable[[], None]:
        """Have `callback(message, event)` called after every commit of this ledger that moved a message's state.

        It is called on the event loop that asked for the write, in the order of the moves, and must not block; what it
        raises is logged. Answers a function that ends the subscription.
        """
        return self._watch.subscribe(callback)

    # Inside

    def _epoch(self) -> float:
        return self._clock().timestamp()

    def _publish(self, done: Done[Any]) -> None:
        changes: tuple[Change, ...] = done.changes
        if changes:
            self._watch.publish(changes)

    async def _write(
        self, operation: Callable[[sqlite3.Connection], Done[T]], deadline: float | None = None
    ) -> T:
        done = await self._writer.run(operation, deadline=deadline, after=self._publish)
        return done.value

    async def _read(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        return await self._reader.run(operation)
