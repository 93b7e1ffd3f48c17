"""Step 8, transport: the text is handed to its carrier, and repeated only where it is certain that nothing happened."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Protocol

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_result,
    stop_after_attempt,
    stop_any,
    stop_before_delay,
    wait_exponential,
    wait_random,
)

from midcall.contract.capabilities import Capabilities
from midcall.contract.errors import LedgerError
from midcall.contract.messages import Draft, Message, OutboundMessage, Verdict
from midcall.contract.reasons import Reason
from midcall.contract.results import NotProcessed, Refused, Scope, SendResult
from midcall.ledger import Ledger
from midcall.sending.drafting import Drafting
from midcall.sending.turn import Refusal, Turn

log = logging.getLogger("midcall.sending")

REQUEST_S = 15.0
"""The longest one request may take. It is never cancelled by the agent's deadline, and ends before its lease does."""

RECORDING_S = 15.0
"""How long a carrier's answer is tried to be written down when the ledger cannot be written."""

_AFTER_REQUEST_S = 5.0

_REPEATS_WHEN_OTHERS_WAIT = 2
_BACKOFF = wait_exponential(multiplier=0.05, max=0.4) + wait_random(0, 0.05)


def lease_s(turn: Turn) -> float:
    """How long an attempt belongs to the process that makes it, in seconds; after that, a message still `sending` is
    `unknown`. It covers the wait before a repeat, which ends with the budget, one whole request, and writing its answer."""
    return turn.tool.budget_ms / 1000 + REQUEST_S + _AFTER_REQUEST_S


class Wire(Protocol):
    """Asks `midcall_send_message` of the sender's account, and of nobody else."""

    async def __call__(self, message: OutboundMessage, *, deadline_s: float) -> SendResult:
        """The carrier's answer, or `Unknown` when there is none after `deadline_s` seconds."""
        ...


class Transport:
    """Hands claimed messages over. `status_url` gives the address a carrier's receipts for an attempt should go to;
    `stopping` tells whether Midcall is, and then nothing is repeated."""

    def __init__(
        self,
        ledger: Ledger,
        drafting: Drafting,
        wire: Wire,
        *,
        capabilities_of: Callable[[str], Capabilities],
        status_url: Callable[[str, str, int], str | None],
        stopping: Callable[[], bool],
    ) -> None:
        self._ledger = ledger
        self._drafting = drafting
        self._wire = wire
        self._capabilities_of = capabilities_of
        self._status_url = status_url
        self._stopping = stopping

    def outbound(self, message_id: str, n: int, draft: Draft, validity_s: int | None) -> OutboundMessage:
        """Attempt `n` at a message, exactly as its carrier is handed it: nothing it has not declared that it can do."""
        can = self._capabilities_of(draft.sender.account)
        if validity_s is not None:
            within = min(max(validity_s, can.validity_min_s), can.validity_max_s)
            validity_s = within if can.validity else None
        return OutboundMessage(
            id=message_id,
            attempt=n,
            account=draft.sender.account,
            sender=draft.sender.number,
            destination=draft.destination.number,
            text=draft.content.text,
            media=draft.content.media,
            validity_s=validity_s,
            status_url=self._status_url(draft.sender.account, message_id, n) if can.receipts else None,
        )

    async def hand_over(self, turn: Turn, message: Message) -> Message:
        """Attempt 1 is already in the ledger. Ends with the carrier's last word recorded."""
        assert turn.draft is not None
        draft, n = turn.draft, 1
        said: list[Verdict] = []  # of a later candidate: the claim has kept the first one's
        while True:
            try:
                result, n = await self._attempts(turn, message.id, n, draft)
            except NotOursError:
                return await self._as_it_stands(message)
            following = await self._next_candidate(turn, result)
            recorded = await self._record(draft, message.id, n, result, final=following is None)
            await self._keep_verdicts(message.id, said)
            if following is None:
                return recorded
            n += 1
            try:
                await self._begin(turn, message.id, n, following)
            except NotOursError:
                return await self._as_it_stands(message)
            draft, said = following, list(turn.verdicts)

    async def _keep_verdicts(self, message_id: str, said: list[Verdict]) -> None:
        """In the timeline; after the wire, so that nothing stands between an attempt's record and the attempt."""
        if not said:
            return
        words = [f"{each.plugin}: {each.reason or 'allows'}" for each in said]
        try:
            await self._ledger.note(message_id, "eligibility", {"verdicts": words})
        except LedgerError as error:
            log.error("message %s: the verdicts on another sender could not be kept: %s", message_id, error)

    async def _as_it_stands(self, message: Message) -> Message:
        return await self._ledger.message(message.id) or message

    async def _attempts(self, turn: Turn, message_id: str, n: int, draft: Draft) -> tuple[SendResult, int]:
        """One sender: repeated within the budget, and only after `NotProcessed`; each repeat is an attempt of its own."""
        first = n

        async def once() -> SendResult:
            if n > first:
                await self._begin(turn, message_id, n, draft)
            message = self.outbound(message_id, n, draft, turn.tool.validity_s)
            return await self._wire(message, deadline_s=REQUEST_S)

        async def before_waiting(state: RetryCallState) -> None:
            nonlocal n
            assert state.outcome is not None
            await self._record(draft, message_id, n, state.outcome.result(), final=False)
            n += 1

        enough = stop_any(
            stop_before_delay(turn.remaining_s),
            stop_after_attempt(_REPEATS_WHEN_OTHERS_WAIT if turn.candidates else 100),
        )
        retrying = AsyncRetrying(
            retry=retry_if_result(lambda result: isinstance(result, NotProcessed)),
            stop=lambda state: self._stopping() or enough(state),
            wait=_wait,
            before_sleep=before_waiting,
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )
        result: SendResult = await retrying(once)
        return result, n

    async def _next_candidate(self, turn: Turn, result: SendResult) -> Draft | None:
        """Another sender is tried only when the text certainly did not leave and the refusal was not the recipient's."""
        certain = isinstance(result, NotProcessed) or (
            # An opt-out is the recipient's, whatever the carrier module says it concerns.
            isinstance(result, Refused)
            and result.scope is Scope.SENDER
            and result.reason is not Reason.OPTED_OUT
        )
        if not certain or not turn.candidates:
            return None
        turn.verdicts.clear()
        try:
            draft = await self._drafting.next_draft(turn)
            stopped = await self._opted_out(draft)
        except Refusal as refusal:
            log.info("no further candidate for call %s: %s", turn.call.id, refusal.reason.value)
            return None
        except LedgerError as error:
            log.error("no further candidate for call %s: %s", turn.call.id, error)
            return None
        except (
            Exception
        ):  # whatever a plugin does here, the first candidate's refusal must still be written down
            log.exception("no further candidate for call %s", turn.call.id)
            return None
        return None if stopped else draft

    async def _opted_out(self, draft: Draft) -> bool:
        """The claim has asked for the first sender only, and a while ago."""
        scopes = ("*", draft.sender.account, draft.sender.number)
        return await self._ledger.opted_out(draft.destination.number, scopes=scopes) is not None

    async def _begin(self, turn: Turn, message_id: str, n: int, draft: Draft) -> None:
        """Durable before the wire. Raises `NotOursError` when the message is no longer ours to send."""
        counted = turn.counted
        assert counted is not None
        ours = await self._ledger.begin_attempt(
            message_id,
            n=n,
            account=draft.sender.account,
            sender=draft.sender.number,
            text=draft.content.text,
            media=draft.content.media,
            encoding=counted.encoding,
            segments=counted.segments,
            request=request_record(self.outbound(message_id, n, draft, turn.tool.validity_s)),
            lease_s=lease_s(turn),
        )
        if not ours:
            raise NotOursError(message_id)

    async def _record(
        self, draft: Draft, message_id: str, n: int, result: SendResult, *, final: bool
    ) -> Message:
        """Write the carrier's word down; a ledger that cannot be written is tried again while the lease holds."""
        give_up = asyncio.get_running_loop().time() + RECORDING_S
        while True:
            try:
                if isinstance(result, Refused) and result.reason is Reason.OPTED_OUT:
                    # First, since it may be written twice without harm: it must not be lost between two writes.
                    await self._ledger.opt_out(
                        draft.destination.number,
                        source=f"carrier:{draft.sender.account}",
                        evidence=f"refused with {result.code or result.reason.value}",
                    )
                return await self._ledger.record_result(message_id, n=n, result=result, final=final)
            except LedgerError as error:
                if asyncio.get_running_loop().time() > give_up:
                    log.error("message %s: the carrier's answer could not be recorded: %s", message_id, error)
                    raise
                await asyncio.sleep(0.5)


def request_record(message: OutboundMessage) -> dict[str, Any]:
    """The exact request of an attempt, as the ledger keeps it."""
    return asdict(message)


class NotOursError(Exception):
    """Somebody else (a recovery, a receipt) has moved the message: it must not be sent again."""


def _wait(state: RetryCallState) -> float:
    """A short exponential backoff with jitter, and never less than the carrier's own Retry-After."""
    backoff: float = _BACKOFF(state)
    result = state.outcome.result() if state.outcome else None
    if (
        isinstance(result, NotProcessed)
        and result.retry_after is not None
        and not math.isnan(result.retry_after)
    ):
        return max(backoff, result.retry_after)
    return backoff
