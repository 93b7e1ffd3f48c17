"""What a platform plugin is: it decodes tool calls, encodes outcomes, and reaches a live call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from midcall.contract.calls import Call, CallEvent, ToolCall
from midcall.contract.carrier import Health
from midcall.contract.outcomes import Outcome
from midcall.contract.tool import Tool
from midcall.contract.webhooks import WebhookRequest, WebhookResponse


class PlatformSettings(BaseModel):
    """`[platforms.NAME]`: subclass it with what the platform needs; unknown keys are an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    customary: ClassVar[Mapping[str, str]] = {}
    """Field name to customary environment variable; counts only for the instance named like the platform."""


P = TypeVar("P", bound=PlatformSettings)


class Platform(Generic[P]):
    """One instance of one voice platform. `decode_tool_call`, `decode_event` and `encode_outcome` are pure and fast."""

    name: ClassVar[str]
    settings: ClassVar[type[PlatformSettings]] = PlatformSettings
    reaches_live_calls: ClassVar[bool] = False
    """Whether `tell_call` can put words into a call that is going on."""

    def __init__(self, instance: str, config: P) -> None:
        """`instance` is the name under `[platforms]`, `config` its validated settings."""
        self.instance = instance
        self.config = config

    def decode_tool_call(self, request: WebhookRequest, tool: str) -> ToolCall:
        """Verify and read one tool call. Raises `BadSignature` or `Unreadable`."""
        raise NotImplementedError

    def encode_outcome(self, outcome: Outcome, tool_call: ToolCall) -> WebhookResponse:
        """The HTTP answer that makes this platform's agent hear `outcome`. A refusal is not an HTTP error."""
        raise NotImplementedError

    def decode_event(self, request: WebhookRequest) -> CallEvent:
        """Verify and read one call event. Raises `BadSignature` or `Unreadable`."""
        raise NotImplementedError

    async def tell_call(self, call: Call, text: str, *, respond: bool) -> bool:
        """Put `text` into the live call as context; `respond`: make the agent speak. False when the call is over."""
        return False

    def export_tool(self, tool: Tool, *, url: str) -> Mapping[str, Any]:
        """The platform's own JSON of a tool that calls us at `url`."""
        raise NotImplementedError

    async def health(self) -> Health:
        """Ask the platform, read-only, whether the instance can be used."""
        return Health(ok=True, detail="not checked: this platform has no health request")

    async def aclose(self) -> None:
        """Let go of connections. Called once or more."""
