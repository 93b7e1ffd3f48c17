"""One turn of the sending journey: the tool call, its tool, its time, and what has been found so far."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

from midcall.contract.calls import Call, ToolCall
from midcall.contract.messages import Content, Destination, Draft, Verdict
from midcall.contract.outcomes import Outcome
from midcall.contract.reasons import Reason
from midcall.contract.senders import Sender
from midcall.contract.tool import Tool
from midcall.ledger import new_message_id
from midcall.sending.keys import Key


class Refusal(Exception):
    """The text is certainly not sent. Raised by the steps before the claim, answered and recorded by the journey."""

    def __init__(self, reason: Reason, detail: str = "", *, plugin: str = "midcall") -> None:
        """`detail` is for a developer and holds no full phone number; `plugin` names who refused."""
        self.reason = reason
        self.detail = detail
        self.plugin = plugin
        super().__init__(f"{reason.value}: {detail}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How a text is coded and what it costs, in segments, with its sender's alphabet."""

    encoding: str
    segments: int


@dataclass(slots=True, kw_only=True)
class Turn:
    """What the steps hand on to each other. `deadline` is in seconds of `time.monotonic()`."""

    tool_call: ToolCall
    tool: Tool
    key: Key
    deadline: float
    call: Call
    message_id: str = field(default_factory=new_message_id)
    destination: Destination | None = None
    candidates: deque[Sender] = field(default_factory=deque)
    rendered: Content | None = None
    draft: Draft | None = None
    counted: Counted | None = None
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def remaining_s(self) -> float:
        """Seconds until the agent must be answered; never negative."""
        return max(0.0, self.deadline - time.monotonic())

    def language(self) -> str:
        """The language to speak in: the call's own, else the tool's."""
        return self.call.language or self.tool.language


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a tool call would send: the draft as far as it was written, what it costs, every verdict, and the refusal if
    there is one (None: it would be claimed and sent)."""

    call: Call
    tool: str
    destination: Destination | None
    draft: Draft | None
    counted: Counted | None
    verdicts: tuple[Verdict, ...]
    refusal: Outcome | None

    @classmethod
    def of(cls, turn: Turn, refusal: Outcome | None) -> Preview:
        """The turn as it stands."""
        return cls(
            call=turn.call,
            tool=turn.tool.name,
            destination=turn.destination,
            draft=turn.draft,
            counted=turn.counted,
            verdicts=tuple(turn.verdicts),
            refusal=refusal,
        )
