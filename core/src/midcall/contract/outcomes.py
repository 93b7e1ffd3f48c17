"""What the agent is told. An outcome says what is known, not what happened."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from midcall.contract.reasons import Reason


class Status(StrEnum):
    """::

    accepted    the carrier took it; never "delivered"
    delivered   a receipt said so
    pending     the tool's time ran out, sending goes on
    rejected    it is certain that the caller does not have it: refused before or by the carrier, or reported undelivered
    unknown     it may have been sent; do not send again
    delegated   the platform sends it itself, nothing is claimed
    """

    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    PENDING = "pending"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    DELEGATED = "delegated"


DUPLICATE: Final = "duplicate"
"""The sentence for a text that was asked for twice and is on its way, or has arrived, once."""

SENTENCE_KEYS: Final = frozenset(
    {*(status.value for status in Status), *(reason.value for reason in Reason), DUPLICATE}
)
"""Everything a tool may have words for in its `sentences`: statuses, reasons, and `duplicate`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The answer to one tool call.

    `say` is one sentence in the call's language; `speak` whether the tool asks the agent to speak after sending.
    `message_id` is Midcall's own id, None only when the ledger could not be written. `duplicate` is true when this tool
    call, or one that meant the same, was answered before. `detail` explains a refusal to a developer; `plugin` names who
    refused. `segments` is what the text costs, in segments, 0 when none was written.
    """

    status: Status
    say: str
    message_id: str | None = None
    reason: Reason | None = None
    detail: str = ""
    plugin: str = ""
    segments: int = 0
    duplicate: bool = False
    speak: bool = True

    def as_json(self) -> dict[str, Any]:
        """The JSON object an agent's platform gets; absent facts are left out, `status` and `say` never are."""
        answer: dict[str, Any] = {"status": self.status.value, "say": self.say, "speak": self.speak}
        if self.message_id is not None:
            answer["message_id"] = self.message_id
        if self.reason is not None:
            answer["reason"] = self.reason.value
        if self.detail:
            answer["detail"] = self.detail
        if self.plugin:
            answer["plugin"] = self.plugin
        if self.segments:
            answer["segments"] = self.segments
        answer["duplicate"] = self.duplicate
        return answer
