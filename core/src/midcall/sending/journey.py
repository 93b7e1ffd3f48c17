"""The sending journey, from a tool call to what the agent is told. `SendingJourney.send` reads top to bottom.

Nothing before the claim has a side effect, so everything before it may fail, time out or be cancelled without harm. From the
claim on, the text belongs to a task of its own that outlives the request: an agent that hangs up, a platform that gives up, or
a deadline that passes cannot stop a send halfway.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from midcall.content import Variables
from midcall.contract.calls import Call, ToolCall
from midcall.contract.errors import LedgerError
from midcall.contract.messages import Message, MessageState
from midcall.contract.outcomes import Outcome
from midcall.contract.reasons import Reason
from midcall.contract.tool import Tool
from midcall.ledger import Denied, Ledger, Lost, Won
from midcall.sending.claims import ClaimWriter
from midcall.sending.destination import choose_destination
from midcall.sending.drafting import Drafting
from midcall.sending.keys import key_of
from midcall.sending.late_news import LateNews
from midcall.sending.outcomes import outcome_of, pending_outcome, refused_outcome, unknown_outcome
from midcall.sending.transport import Transport
from midcall.sending.turn import Preview, Refusal, Turn
from midcall.tools import check_arguments

T = TypeVar("T")

log = logging.getLogger("midcall.sending")

Claim = Won | Lost | Denied

_RECORDING_S = 0.1
"""How long a refusal that comes at the end of the budget waits for its record, in seconds."""

_REMEMBERED = (
    10_000  # keys this process has claimed: far more than are asked about again while the ledger fails
)


class StartTask(Protocol):
    """Starts a task that goes on when its request has gone, and that a stop waits for."""

    def __call__(self, work: Coroutine[Any, Any, T], /) -> asyncio.Task[T]:
        """The running task."""
        ...


class SendingJourney:
    """Everything a turn needs; `start_task` keeps a task alive after its request has gone."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        drafting: Drafting,
        transport: Transport,
        claims: ClaimWriter,
        late_news: LateNews,
        variables_of: Callable[[Call], Variables],
        start_task: StartTask,
    ) -> None:
        self._ledger = ledger
        self._drafting = drafting
        self._transport = transport
        self._claims = claims
        self._late_news = late_news
        self._variables_of = variables_of
        self._start_task = start_task
        self._claimed: dict[str, None] = {}

    async def send(self, tool_call: ToolCall, tool: Tool) -> Outcome:
        """One tool call, answered within the tool's budget."""
        turn = self._turn(tool_call, tool)
        try:
            async with asyncio.timeout(turn.remaining_s):
                seen = await self._seen_before(turn)  # 1 call, 2 seen before?
                if seen is None:
                    await self._draft_safely(turn)  # 3 destination, 4 sender, 5 content, 6 eligibility
            if seen is not None:
                return await self._answer_again(turn, seen)
            return await self._answer(turn)  # 7 claim, 8 transport, 9 outcome
        except Refusal as refusal:
            return await self._refuse(turn, refusal)
        except TimeoutError:
            return await self._refuse(turn, Refusal(Reason.TOO_SLOW, f"{tool.budget_ms} ms were not enough"))
        except LedgerError as error:
            return self._not_recorded(turn, Refusal(Reason.LEDGER_UNAVAILABLE, str(error)))

    async def answer_while_stopping(self, tool_call: ToolCall, tool: Tool) -> Outcome:
        """Nothing new is taken, and what was answered before is answered again."""
        turn = self._turn(tool_call, tool)
        refusal = Refusal(Reason.SHUTTING_DOWN, Reason.SHUTTING_DOWN.meaning)
        try:
            async with asyncio.timeout(turn.remaining_s):
                seen = await self._ledger.answered(turn.key.value, arguments_hash=turn.key.arguments_hash)
        except (LedgerError, TimeoutError):
            return self._not_recorded(turn, refusal)
        return refused_outcome(turn, refusal) if seen is None else await self._answer_again(turn, seen)

    async def preview(self, tool_call: ToolCall, tool: Tool) -> Preview:
        """Steps 3 to 6 alone: what would be sent, from where, and what everyone says to it. Nothing is written down."""
        turn = self._turn(tool_call, tool)
        try:
            async with asyncio.timeout(turn.remaining_s):
                await self._draft(turn)
        except Refusal as refusal:
            return Preview.of(turn, refused_outcome(turn, refusal))
        except TimeoutError:
            return Preview.of(turn, refused_outcome(turn, Refusal(Reason.TOO_SLOW)))
        return Preview.of(turn, None)

    def _turn(self, tool_call: ToolCall, tool: Tool) -> Turn:
        return Turn(
            tool_call=tool_call,
            tool=tool,
            key=key_of(tool_call),
            deadline=time.monotonic() + tool.budget_ms / 1000,
            call=tool_call.call,
        )

    # 1 and 2 ---------------------------------------------------------------------------------------------------------

    async def _seen_before(self, turn: Turn) -> Lost | None:
        """The call as the ledger knows it, and what was answered to this tool call before."""
        known, seen = await asyncio.gather(
            self._ledger.call(turn.call.platform, turn.call.id),
            self._ledger.answered(turn.key.value, arguments_hash=turn.key.arguments_hash),
        )
        if known is not None:
            turn.call = known.updated_by(turn.call)
        if seen is None and not turn.call.open and not turn.tool.after_call:
            raise Refusal(
                Reason.CALL_ENDED,
                f"tool {turn.tool.name!r} does not send after a call; set after_call to allow it",
            )
        return seen

    async def _answer_again(self, turn: Turn, seen: Lost) -> Outcome:
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
        await self._ledger.note(message.id, "warning", {"warning": warning})

    # 3 to 6 ----------------------------------------------------------------------------------------------------------

    async def _draft_safely(self, turn: Turn) -> None:
        """Nothing has been claimed yet: a fault here, ours or of odd input, is a refusal and nothing worse."""
        try:
            await self._draft(turn)
        except (Refusal, LedgerError, TimeoutError):
            raise
        except Exception as error:
            log.exception("call %s: the text could not be drafted", turn.call.id)
            raise Refusal(Reason.PLUGIN_FAILED, f"drafting failed: {type(error).__name__}") from None

    async def _draft(self, turn: Turn) -> None:
        turn.destination = choose_destination(
            turn.tool, turn.call, turn.tool_call.arguments, self._variables_of(turn.call)
        )  # 3
        problems = check_arguments(turn.tool, turn.tool_call.arguments)
        if problems:
            raise Refusal(Reason.INVALID_ARGUMENTS, "; ".join(problems))
        await self._claims.check_recipient(turn)  # 3: before any content is paid for
        await self._drafting.candidates(turn)  # 4
        turn.draft = await self._drafting.next_draft(turn)  # 5, 6

    # 7 and 8 ---------------------------------------------------------------------------------------------------------

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

    # 9 ---------------------------------------------------------------------------------------------------------------

    async def _answer(self, turn: Turn) -> Outcome:
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
            return await self._answer_again(turn, claim)
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

    async def _refuse(self, turn: Turn, refusal: Refusal) -> Outcome:
        """Recorded under the key; when that fails, or takes too long, the answer is the same without the message's id."""
        recording = self._start_task(self._record_refusal(turn, refusal))
        await asyncio.wait({recording}, timeout=max(turn.remaining_s, _RECORDING_S))
        message = recording.result() if recording.done() else None
        if message is None:
            return self._not_recorded(turn, refusal)
        return outcome_of(
            message, turn.tool, language=turn.language(), duplicate=message.id != turn.message_id
        )

    def _not_recorded(self, turn: Turn, refusal: Refusal) -> Outcome:
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
