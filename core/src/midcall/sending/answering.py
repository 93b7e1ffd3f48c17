"""Steps 7 to 9 as the agent sees them: the claim and the hand-over run in a task of their own, and what is known when the time
is up is the answer. Refusals are recorded here too, so that a repeat of the tool call is answered the same."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from midcall.contract.errors import LedgerError
from midcall.contract.messages import Message, MessageState
from midcall.contract.outcomes import Outcome
from midcall.ledger import Denied, Ledger, Lost, Won
from midcall.sending.claims import ClaimWriter
from midcall.sending.late_news import LateNews
from midcall.sending.outcomes import outcome_of, pending_outcome, refused_outcome, unknown_outcome
from midcall.sending.transport import Transport
from midcall.sending.turn import Refusal, Turn

T = TypeVar("T")

log = logging.getLogger("midcall.sending")

Claim = Won | Lost | Denied

_RECORDING_S = 0.1
"""How long a refusal that comes at the end of the budget waits for its record, in seconds."""

_REMEMBERED = 10_000
"""Keys this process has claimed: far more than are asked about again while the ledger fails."""


class StartTask(Protocol):
    """Starts a task that goes on when its request has gone, and that a stop waits for."""

    def __call__(self, work: Coroutine[Any, Any, T], /) -> asyncio.Task[T]:
        """The running task."""
        ...


class Answering:
    """`start_task` keeps a task alive after its request has gone."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        claims: ClaimWriter,
        transport: Transport,
        late_news: LateNews,
        start_task: StartTask,
    ) -> None:
        self._ledger = ledger
        self._claims = claims
        self._transport = transport
        self._late_news = late_news
        self._start_task = start_task
        self._claimed: dict[str, None] = {}

    # A new text ------------------------------------------------------------------------------------------------------

    async def send_and_answer(self, turn: Turn) -> Outcome:
        """What becomes known until the agent is answered is the answer; what comes after it is late news."""
        self._late_news.hold(turn.message_id)
        outcome: Outcome | None = None
        try:
            outcome = await self._send_and_wait(turn)
            return outcome
        finally:
            news = self._late_news.let_go(turn.message_id, outcome.status if outcome else None)
            if news is not None:
                self._start_task(self._late_news.tell(news))

    async def _send_and_wait(self, turn: Turn) -> Outcome:
        """The claim's own word first, however long the ledger takes: it is what makes "pending" true."""
        claimed: asyncio.Future[Claim] = asyncio.get_running_loop().create_future()
        sending = self._start_task(self._claim_and_hand_over(turn, claimed))
        claim = await self._decided(claimed)
        if claim is None:
            return unknown_outcome(turn)
        if isinstance(claim, Lost):
            return await self.answer_again(turn, claim)
        await asyncio.wait({sending}, timeout=turn.remaining_s)
        if not sending.done():
            self._start_task(self._follow(sending))
            return pending_outcome(turn)
        message = self._sent(turn, sending)
        if message is None:
            return unknown_outcome(turn)
        if turn.tool.wait_for_receipt:
            message = await self._wait_for_receipt(turn, message)
        return outcome_of(message, turn.tool, language=turn.language())

    async def _claim_and_hand_over(self, turn: Turn, claimed: asyncio.Future[Claim]) -> Message | None:
        """Runs in a task of its own. `claimed` tells the request as soon as the ledger has decided."""
        try:
            claim = await self._claims.claim(turn, self._transport)
        except Exception as error:  # whatever it is, the request must hear of it, and nothing was written
            if not isinstance(error, LedgerError):
                log.exception("message %s could not be claimed", turn.message_id)
                error = LedgerError(f"the ledger does not take this message ({type(error).__name__})")
            claimed.set_exception(error)
            return None
        except BaseException:
            claimed.cancel()  # stopped from outside: nobody may be left waiting
            raise
        claimed.set_result(claim)
        self._claimed[turn.key.value] = None
        if len(self._claimed) > _REMEMBERED:
            del self._claimed[next(iter(self._claimed))]
        if isinstance(claim, Won):
            return await self._transport.hand_over(turn, claim.message)
        return claim.message

    async def _decided(self, claimed: asyncio.Future[Claim]) -> Claim | None:
        """What the ledger decided; None when Midcall was stopped before it could be known."""
        try:
            return await asyncio.shield(claimed)
        except asyncio.CancelledError:
            if claimed.cancelled():
                return None
            raise

    async def _follow(self, sending: asyncio.Task[Message | None]) -> None:
        """The agent has said "sending it now": what comes of it is told to the call if it is not that."""
        message = await sending
        if message is not None:
            await self._late_news.tell(message)

    def _sent(self, turn: Turn, sending: asyncio.Task[Message | None]) -> Message | None:
        """What the task came to. Behind the claim no failure of ours may be taken for "not sent"."""
        try:
            return sending.result()
        except asyncio.CancelledError:
            log.error("message %s: stopped while handing over; it may have been sent", turn.message_id)
            return None
        except Exception:
            log.exception("message %s: handing over failed; it may have been sent", turn.message_id)
            return None

    async def _wait_for_receipt(self, turn: Turn, message: Message) -> Message:
        while message.state in (MessageState.ACCEPTED, MessageState.SENT) and turn.remaining_s > 0:
            message = await self._changed(message, turn.remaining_s)
        return message

    async def _changed(self, message: Message, timeout_s: float) -> Message:
        """The message once it has moved, or as it was when the time ran out or the ledger could not be read."""
        try:
            return await self._ledger.wait_for_change(message.id, since=message.state, timeout=timeout_s)
        except LedgerError as error:
            log.error("message %s: its state could not be read: %s", message.id, error)
            return message

    # One that was answered before --------------------------------------------------------------------------------------

    async def answer_again(self, turn: Turn, seen: Lost) -> Outcome:
        """The recorded outcome in its current state; one in flight is waited for within this request's own budget."""
        message = seen.message
        if seen.by == "key" and not seen.same_arguments:
            self._start_task(self._note_other_arguments(message))
        if message.state in (MessageState.SENDING, MessageState.WAITING):
            message = await self._changed(message, turn.remaining_s)
        return outcome_of(message, turn.tool, language=turn.language(), duplicate=True)

    async def _note_other_arguments(self, message: Message) -> None:
        """Beside the answer, not before it: the warning is for people, the agent need not wait for it."""
        warning = "the same tool call came again with other arguments; the first outcome was answered"
        await self._ledger.note(message.id, "warning", {"why": warning})

    # A refusal -------------------------------------------------------------------------------------------------------

    async def refuse(self, turn: Turn, refusal: Refusal) -> Outcome:
        """Recorded under the key; when that fails, or takes too long, the answer is the same without the message's id."""
        recording = self._start_task(self._record_refusal(turn, refusal))
        await asyncio.wait({recording}, timeout=max(turn.remaining_s, _RECORDING_S))
        message = recording.result() if recording.done() else None
        if message is None:
            return self.unrecorded(turn, refusal)
        return outcome_of(
            message, turn.tool, language=turn.language(), duplicate=message.id != turn.message_id
        )

    def unrecorded(self, turn: Turn, refusal: Refusal) -> Outcome:
        """The ledger cannot say whether this tool call was answered before. If this process has claimed it, it may have been
        sent; else it is refused, which is what a ledger that fails means to a new tool call."""
        if turn.key.value in self._claimed:
            return replace(unknown_outcome(turn), message_id=None, duplicate=True, detail=refusal.detail)
        return refused_outcome(turn, refusal)

    async def _record_refusal(self, turn: Turn, refusal: Refusal) -> Message | None:
        try:
            return await self._claims.record_refusal(turn, refusal)
        except LedgerError as error:
            log.error(
                "call %s: the refusal %s could not be recorded: %s", turn.call.id, refusal.reason, error
            )
            return None
