"""Midcall: text the caller while they are on the line, from whichever carrier the number lives on.

Everything promised is here; nothing else is public. Names are resolved on first use, so that `import midcall` costs nothing: a
command line that only prints its help, or a list of plugins, loads neither pydantic nor SQLAlchemy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

API_VERSION = "0.1"
"""Version of the plugin contract. It stays 0.x until receiving and reconciling have settled it."""

if TYPE_CHECKING:
    from midcall.app import Midcall
    from midcall.contract.calls import Call, CallEvent, CallEventKind, CallKind, Direction, ToolCall
    from midcall.contract.capabilities import Capabilities
    from midcall.contract.carrier import Carrier, CarrierSettings, Health
    from midcall.contract.errors import (
        BadSignature,
        ConfigError,
        ContentRefused,
        LedgerBusy,
        LedgerError,
        MidcallError,
        PluginError,
        UnknownToolError,
        Unreadable,
        WebhookError,
    )
    from midcall.contract.markers import hookimpl
    from midcall.contract.messages import (
        Content,
        Destination,
        Draft,
        Message,
        MessageEvent,
        MessageState,
        OutboundMessage,
        Trust,
        Verdict,
    )
    from midcall.contract.outcomes import Outcome, Status
    from midcall.contract.platform import Platform, PlatformSettings
    from midcall.contract.reasons import Reason
    from midcall.contract.results import (
        Accepted,
        NotProcessed,
        Refused,
        Scope,
        SendResult,
        Unknown,
        result_for_http,
    )
    from midcall.contract.senders import ContentRule, Known, Needs, Sender, SenderCheck
    from midcall.contract.tool import Limits, Tool
    from midcall.contract.webhooks import (
        Absent,
        CannotTell,
        FindResult,
        Found,
        InboundMedia,
        InboundMessage,
        Media,
        Receipt,
        WebhookRequest,
        WebhookResponse,
    )
    from midcall.ledger import Applied
    from midcall.numbers import NumberError, mask, parse_number
    from midcall.plugins import PluginReport
    from midcall.sending import Preview
    from midcall.settings import Settings, load_settings
    from midcall.tools import tool_schema

_ELSEWHERE = {
    "Applied": "midcall.ledger",
    "Midcall": "midcall.app",
    "PluginReport": "midcall.plugins",
    "Preview": "midcall.sending",
    "Settings": "midcall.settings",
    "load_settings": "midcall.settings",
    "NumberError": "midcall.numbers",
    "mask": "midcall.numbers",
    "parse_number": "midcall.numbers",
    "tool_schema": "midcall.tools",
}
_WHERE = {
    "calls": ("Call", "CallEvent", "CallEventKind", "CallKind", "Direction", "ToolCall"),
    "capabilities": ("Capabilities",),
    "carrier": ("Carrier", "CarrierSettings", "Health"),
    "errors": (
        "BadSignature",
        "ConfigError",
        "ContentRefused",
        "LedgerBusy",
        "LedgerError",
        "MidcallError",
        "PluginError",
        "UnknownToolError",
        "Unreadable",
        "WebhookError",
    ),
    "markers": ("hookimpl",),
    "messages": (
        "Content",
        "Destination",
        "Draft",
        "Message",
        "MessageEvent",
        "MessageState",
        "OutboundMessage",
        "Trust",
        "Verdict",
    ),
    "outcomes": ("Outcome", "Status"),
    "platform": ("Platform", "PlatformSettings"),
    "reasons": ("Reason",),
    "results": (
        "Accepted",
        "NotProcessed",
        "Refused",
        "Scope",
        "SendResult",
        "Unknown",
        "result_for_http",
    ),
    "senders": ("ContentRule", "Known", "Needs", "Sender", "SenderCheck"),
    "tool": ("Limits", "Tool"),
    "webhooks": (
        "Absent",
        "CannotTell",
        "FindResult",
        "Found",
        "InboundMedia",
        "InboundMessage",
        "Media",
        "Receipt",
        "WebhookRequest",
        "WebhookResponse",
    ),
}
_MODULE_OF = _ELSEWHERE | {
    name: f"midcall.contract.{module}" for module, names in _WHERE.items() for name in names
}


if not TYPE_CHECKING:  # a type checker that saw it would take any name for a promised one

    def __getattr__(name: str) -> Any:
        """Resolve a promised name on first use (PEP 562)."""
        if name not in _MODULE_OF:
            raise AttributeError(f"module 'midcall' has no attribute {name!r}")
        value = getattr(import_module(_MODULE_OF[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)


__all__ = [
    "API_VERSION",
    "Absent",
    "Accepted",
    "Applied",
    "BadSignature",
    "Call",
    "CallEvent",
    "CallEventKind",
    "CallKind",
    "CannotTell",
    "Capabilities",
    "Carrier",
    "CarrierSettings",
    "ConfigError",
    "Content",
    "ContentRefused",
    "ContentRule",
    "Destination",
    "Direction",
    "Draft",
    "FindResult",
    "Found",
    "Health",
    "InboundMedia",
    "InboundMessage",
    "Known",
    "LedgerBusy",
    "LedgerError",
    "Limits",
    "Media",
    "Message",
    "MessageEvent",
    "MessageState",
    "Midcall",
    "MidcallError",
    "Needs",
    "NotProcessed",
    "NumberError",
    "OutboundMessage",
    "Outcome",
    "Platform",
    "PlatformSettings",
    "PluginError",
    "PluginReport",
    "Preview",
    "Reason",
    "Receipt",
    "Refused",
    "Scope",
    "SendResult",
    "Sender",
    "SenderCheck",
    "Settings",
    "Status",
    "Tool",
    "ToolCall",
    "Trust",
    "Unknown",
    "UnknownToolError",
    "Unreadable",
    "Verdict",
    "WebhookError",
    "WebhookRequest",
    "WebhookResponse",
    "hookimpl",
    "load_settings",
    "mask",
    "parse_number",
    "result_for_http",
    "tool_schema",
]
