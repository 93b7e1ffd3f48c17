"""A phone call and a tool call made in it, as a platform decoded them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any


class Direction(StrEnum):
    """Who called: `inbound`, the user called the agent; `outbound`, the agent called the user."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class CallKind(StrEnum):
    """`phone` has numbers; `web` is a browser call and has none."""

    PHONE = "phone"
    WEB = "web"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One phone call.

    `platform` names the configured instance (`[platforms.NAME]`), `id` is the platform's own call id. Numbers are as
    the platform's signalling gave them: E.164, or a word such as "anonymous", or None on a web call. `variables` are
    the values the server set for the call, `collected` those the agent collected while it ran, `defaults` the agent's
    own; values keep the type they arrived with. Times are aware and in UTC; `ended_at` is None while the call is open.
    """

    platform: str
    id: str
    direction: Direction
    user_number: str | None
    agent_number: str | None
    kind: CallKind = CallKind.PHONE
    variables: Mapping[str, Any] = field(default_factory=dict)
    collected: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    language: str | None = None
    began_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def open(self) -> bool:
        """Whether the call is still going on, as far as the platform has told us."""
        return self.ended_at is None

    def updated_by(self, newer: Call) -> Call:
        """This call with what `newer` says of it: a new value replaces an old one of that name, and what `newer` leaves out
        stays. The first end stays too: late news of an open call cannot open it again."""
        return replace(
            newer,
            user_number=newer.user_number if newer.user_number is not None else self.user_number,
            agent_number=newer.agent_number if newer.agent_number is not None else self.agent_number,
            variables={**self.variables, **newer.variables},
            collected={**self.collected, **newer.collected},
            defaults={**self.defaults, **newer.defaults},
            language=newer.language if newer.language is not None else self.language,
            began_at=newer.began_at if newer.began_at is not None else self.began_at,
            ended_at=self.ended_at if self.ended_at is not None else newer.ended_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One invocation of a tool by an agent.

    `id` is the platform's globally unique id of this invocation, or None where the platform sends none (the key is then
    derived from call, tool and arguments). `raw` is what the platform sent, for the plugin's own use.
    """

    call: Call
    tool: str
    arguments: Mapping[str, Any]
    id: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


class CallEventKind(StrEnum):
    """What a platform's event says of a call: it `opened`, it `ended`, or something `other` that core ignores."""

    OPENED = "opened"
    ENDED = "ended"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent:
    """One event of a platform about a call. `name` is the platform's own word for it."""

    kind: CallEventKind
    name: str
    call: Call | None
