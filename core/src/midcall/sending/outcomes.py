"""From a message in the ledger to what the agent is told."""

from __future__ import annotations

from dataclasses import replace

from midcall.contract.messages import Message, MessageState
from midcall.contract.outcomes import Outcome, Status
from midcall.contract.reasons import Reason
from midcall.contract.tool import Tool
from midcall.sending.sentences import built_in_sentence, sentence
from midcall.sending.turn import Refusal, Turn

STATUS_OF: dict[MessageState, Status] = {
    MessageState.WAITING: Status.PENDING,
    MessageState.SENDING: Status.PENDING,
    MessageState.ACCEPTED: Status.ACCEPTED,
    MessageState.SENT: Status.ACCEPTED,
    MessageState.DELIVERED: Status.DELIVERED,
    MessageState.UNDELIVERED: Status.REJECTED,
    MessageState.REJECTED: Status.REJECTED,
    MessageState.EXPIRED: Status.REJECTED,
    MessageState.UNKNOWN: Status.UNKNOWN,
    MessageState.PARKED: Status.UNKNOWN,
}
"""Every state has a status. `sent` is still only "accepted" to the agent: the carrier passed it on, nobody has it yet."""


def outcome_of(message: Message, tool: Tool, *, language: str, duplicate: bool = False) -> Outcome:
    """The outcome of a message as it stands now."""
    status = STATUS_OF[message.state]
    reason = message.reason if status in (Status.REJECTED, Status.UNKNOWN) else None
    return Outcome(
        status=status,
        reason=reason,
        say=sentence(tool, language=language, status=status, reason=reason, duplicate=duplicate),
        message_id=message.id,
        detail=message.detail if reason else "",
        plugin=_who(message) if reason else "",
        segments=message.segments,
        duplicate=duplicate,
        speak=tool.speak_after_execution,
    )


def _who(message: Message) -> str:
    """Who said so: the plugin that refused it, or the account whose carrier did; a crash is our own."""
    carrier = None if message.reason is Reason.CRASHED else message.account
    return message.plugin or carrier or "midcall"


def pending_outcome(turn: Turn) -> Outcome:
    """The time is up and the text is claimed: sending goes on without the agent."""
    return _outcome(turn, Status.PENDING, None)


def unknown_outcome(turn: Turn) -> Outcome:
    """The text was claimed and what became of it is not known: it may have been sent."""
    return _outcome(turn, Status.UNKNOWN, Reason.CARRIER_SILENT)


def refused_outcome(turn: Turn, refusal: Refusal) -> Outcome:
    """A refusal that is not in the ledger: a preview, or a ledger that cannot be written."""
    outcome = _outcome(turn, Status.REJECTED, refusal.reason)
    return replace(outcome, message_id=None, detail=refusal.detail, plugin=refusal.plugin)


def refused_without_turn(reason: Reason, detail: str, *, language: str | None = None) -> Outcome:
    """A refusal before there is a turn: no tool of that name, or Midcall is stopping. Nothing is recorded."""
    say = built_in_sentence(language or "en", Status.REJECTED, reason)
    return Outcome(status=Status.REJECTED, reason=reason, say=say, detail=detail, plugin="midcall")


def _outcome(turn: Turn, status: Status, reason: Reason | None) -> Outcome:
    return Outcome(
        status=status,
        reason=reason,
        say=sentence(turn.tool, language=turn.language(), status=status, reason=reason, duplicate=False),
        message_id=turn.message_id,
        segments=turn.counted.segments if turn.counted else 0,
        speak=turn.tool.speak_after_execution,
    )
