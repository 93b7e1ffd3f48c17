"""The sending journey, from a tool call to what the agent is told. `SendingJourney.send` reads top to bottom.

Nothing before the claim has a side effect, so everything before it may fail, time out or be cancelled without harm. From the
claim on, the text belongs to a task of its own that outlives the request: an agent that hangs up, a platform that gives up, or
a deadline that passes cannot stop a send halfway.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from midcall.content import Variables
from midcall.contract.calls import Call, ToolCall
from midcall.contract.errors import LedgerError
from midcall.contract.outcomes import Outcome
from midcall.contract.reasons import Reason
from midcall.contract.tool import Tool
from midcall.ledger import Ledger, Lost
from midcall.sending.answering import Answering
from midcall.sending.claims import ClaimWriter
from midcall.sending.destination import choose_destination
from midcall.sending.drafting import Drafting
from midcall.sending.keys import key_of
from midcall.sending.outcomes import refused_outcome
from midcall.sending.turn import Preview, Refusal, Turn
from midcall.tools import check_arguments

log = logging.getLogger("midcall.sending")


class SendingJourney:
    """Everything a turn needs."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        drafting: Drafting,
        claims: ClaimWriter,
        answering: Answering,
        variables_of: Callable[[Call], Variables],
    ) -> None:
        self._ledger = ledger
        self._drafting = drafting
        self._claims = claims
        self._answering = answering
        self._variables_of = variables_of

    async def send(self, tool_call: ToolCall, tool: Tool) -> Outcome:
        """One tool call, answered within the tool's budget."""
        turn = self._turn(tool_call, tool)
        try:
            async with asyncio.timeout(turn.remaining_s):
                seen = await self._seen_before(turn)  # 1 call, 2 seen before?
                if seen is None:
                    await self._draft(turn)  # 3 destination, 4 sender, 5 content, 6 eligibility
            if seen is not None:
                return await self._answering.answer_again(turn, seen)
            return await self._answering.send_and_answer(turn)  # 7 claim, 8 transport, 9 outcome
        except Refusal as refusal:
            return await self._answering.refuse(turn, refusal)
        except TimeoutError:
            too_slow = Refusal(Reason.TOO_SLOW, f"{tool.budget_ms} ms were not enough")
            return await self._answering.refuse(turn, too_slow)
        except LedgerError as error:
            return self._answering.unrecorded(turn, Refusal(Reason.LEDGER_UNAVAILABLE, str(error)))

    async def answer_while_stopping(self, tool_call: ToolCall, tool: Tool) -> Outcome:
        """Nothing new is taken, and what was answered before is answered again."""
        turn = self._turn(tool_call, tool)
        refusal = Refusal(Reason.SHUTTING_DOWN, Reason.SHUTTING_DOWN.meaning)
        try:
            async with asyncio.timeout(turn.remaining_s):
                seen = await self._ledger.answered(turn.key.value, arguments_hash=turn.key.arguments_hash)
        except (LedgerError, TimeoutError):
            return self._answering.unrecorded(turn, refusal)
        return (
            refused_outcome(turn, refusal) if seen is None else await self._answering.answer_again(turn, seen)
        )

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

    async def _seen_before(self, turn: Turn) -> Lost | None:
        """Steps 1 and 2: the call as the ledger knows it, and what was answered to this tool call before."""
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

    async def _draft(self, turn: Turn) -> None:
        """Steps 3 to 6. Nothing has been claimed yet: a fault here, ours or of odd input, is a refusal and nothing worse."""
        try:
            await self._choose_recipient(turn)  # 3
            await self._drafting.candidates(turn)  # 4
            turn.draft = await self._drafting.next_draft(turn)  # 5, 6
        except (Refusal, LedgerError, TimeoutError):
            raise
        except Exception as error:
            log.exception("call %s: the text could not be drafted", turn.call.id)
            raise Refusal(Reason.PLUGIN_FAILED, f"drafting failed: {type(error).__name__}") from None

    async def _choose_recipient(self, turn: Turn) -> None:
        """Step 3, before any content is paid for."""
        turn.destination = choose_destination(
            turn.tool, turn.call, turn.tool_call.arguments, self._variables_of(turn.call)
        )
        problems = check_arguments(turn.tool, turn.tool_call.arguments)
        if problems:
            raise Refusal(Reason.INVALID_ARGUMENTS, "; ".join(problems))
        await self._claims.check_recipient(turn)
