"""Steps 4 to 6: who the text may leave from, what it says, and whether it may be sent. Nothing here has a side effect."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from midcall.content import Segments
from midcall.contract.errors import ContentRefused
from midcall.contract.messages import Content, Destination, Draft, Verdict
from midcall.contract.reasons import Reason
from midcall.contract.senders import Needs, Sender
from midcall.plugins import Answer, Dispatch, Failure
from midcall.sending.destination import check_country
from midcall.sending.turn import Counted, Refusal, Turn

Count = Callable[[Draft], Segments]
"""Counts a draft's text with the alphabet of its sender's carrier."""

SENDER = "midcall_resolve_sender"
RENDER = "midcall_render_content"
TRANSFORM = "midcall_transform_content"
ELIGIBLE = "midcall_check_eligibility"


class Drafting:
    """Asks the plugins. `hook_s` and `content_s` are the deadlines of one hook, in seconds; `count` counts segments."""

    def __init__(self, dispatch: Dispatch, *, hook_s: float, content_s: float, count: Count) -> None:
        self._dispatch = dispatch
        self._hook_s = hook_s
        self._content_s = content_s
        self._count = count

    async def candidates(self, turn: Turn) -> None:
        """Step 4: the senders, best first. Raises `Refusal` when there is none."""
        needs = Needs(mms=bool(turn.tool.media), pool=turn.tool.wants_pool)
        answer = await self._dispatch.first_in_order(
            SENDER,
            deadline_s=self._within(turn, self._hook_s),
            call=turn.call,
            tool=turn.tool,
            destination=turn.destination,
            needs=needs,
        )
        senders: Sequence[Sender] | None = _value(answer)
        if not senders:
            raise Refusal(Reason.NO_SENDER, _no_sender(turn))
        turn.candidates = deque(senders)

    async def next_draft(self, turn: Turn) -> Draft:
        """Steps 5 and 6 for the next candidate that may send. Raises `Refusal` with the last one's reason.

        A denial that concerns only the sender moves on to the next candidate; any other is final.
        """
        refusal = Refusal(Reason.NO_SENDER, "no candidate is left")
        while turn.candidates:
            sender = turn.candidates.popleft()
            try:
                check_country(turn.tool, _destination(turn), sender=sender.number)
            except Refusal as of_this_sender:  # another candidate may be at home where the recipient is
                refusal = of_this_sender
                continue
            draft = await self._write(turn, sender)
            denials = await self._denials(turn, draft)
            if not denials:
                return draft
            first = next((denial for denial in denials if not denial.of_sender), denials[0])
            refusal = Refusal(first.reason or Reason.POLICY_DENIED, first.detail, plugin=first.plugin)
            if not first.of_sender:
                break
        raise refusal

    async def _write(self, turn: Turn, sender: Sender) -> Draft:
        """Step 5: render, then transform. Rendered text is never scanned for braces."""
        answer = await self._dispatch.first_in_order(
            RENDER,
            deadline_s=self._within(turn, self._content_s),
            call=turn.call,
            tool=turn.tool,
            sender=sender,
            arguments=turn.tool_call.arguments,
        )
        content: Content | None = _value(answer)
        if content is None:
            raise Refusal(Reason.CONTENT_EMPTY, f"no plugin wrote a text for tool {turn.tool.name!r}")
        turn.rendered = content
        draft = Draft(
            call=turn.call,
            tool=turn.tool,
            sender=sender,
            destination=_destination(turn),
            content=content,
            arguments=turn.tool_call.arguments,
        )
        draft = await self._transformed(turn, draft)
        turn.draft, turn.counted = draft, None
        if not draft.content.text.strip() and not draft.content.media:
            raise Refusal(
                Reason.CONTENT_EMPTY,
                f"tool {turn.tool.name!r}: the text is empty once its variables are put in",
            )
        segments = self._count(draft)
        turn.counted = Counted(encoding=segments.encoding, segments=segments.count)
        return draft

    async def _transformed(self, turn: Turn, draft: Draft) -> Draft:
        result = await self._dispatch.chain(TRANSFORM, draft, deadline_s=self._within(turn, self._content_s))
        if isinstance(result, Failure):
            raise _refusal_of(result)
        return result

    async def _denials(self, turn: Turn, draft: Draft) -> list[Verdict]:
        """Step 6: everyone at once; an error or a timeout is a denial, all verdicts are kept."""
        answers = await self._dispatch.everyone(
            ELIGIBLE, deadline_s=self._within(turn, self._hook_s), draft=draft
        )
        verdicts = [verdict for verdict in map(_verdict, answers) if verdict is not None]
        turn.verdicts.extend(verdicts)
        return [verdict for verdict in verdicts if not verdict.allowed]

    def _within(self, turn: Turn, deadline_s: float) -> float:
        """A hook never gets more time than the agent has left."""
        if turn.remaining_s <= 0:
            raise Refusal(Reason.TOO_SLOW, f"{turn.tool.budget_ms} ms ran out before the text was claimed")
        return min(deadline_s, turn.remaining_s)


def _destination(turn: Turn) -> Destination:
    assert turn.destination is not None, "step 3 comes before step 4"
    return turn.destination


def _value(answer: Answer | Failure | None) -> Any:
    if isinstance(answer, Failure):
        raise _refusal_of(answer)
    return None if answer is None else answer.value


def _refusal_of(failure: Failure) -> Refusal:
    detail = failure.error.detail if isinstance(failure.error, ContentRefused) else failure.text
    return Refusal(failure.reason, detail, plugin=failure.plugin)


def _verdict(answer: Answer | Failure) -> Verdict | None:
    """A plugin's verdict with its name on it; None for one that abstains."""
    if isinstance(answer, Failure):
        return answer.as_verdict()
    verdict: Verdict | None = answer.value
    return None if verdict is None else replace(verdict, plugin=verdict.plugin or answer.plugin)


def _no_sender(turn: Turn) -> str:
    if turn.tool.wants_pool:
        return (
            f"tool {turn.tool.name!r} asks for the pool (sms_sender retell_long_code) and no installed plugin offers one; "
            f"use current_number"
        )
    if turn.call.agent_number is None:
        return "the call has no agent number to send from; list exactly one number under [numbers] to text from web calls"
    return "no account owns the agent's number; list it under [numbers] with its account"
