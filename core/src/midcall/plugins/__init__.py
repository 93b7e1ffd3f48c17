"""The plugin host: which plugins there are, loading them, and asking them.

Names are resolved on first use, so that listing the installed plugins does not load what only running them needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from midcall.plugins.adapter import CarrierAdapter, adapter_name
    from midcall.plugins.answers import Answer, Failure, Origin, PluginName, as_send_result
    from midcall.plugins.configuration import HostConfiguration, Validate, plain_validation
    from midcall.plugins.discovery import FoundPlugin, discover
    from midcall.plugins.dispatch import Dispatch
    from midcall.plugins.host import PluginHost
    from midcall.plugins.report import PluginKind, PluginReport, PluginState

_WHERE = {
    "adapter": ("CarrierAdapter", "adapter_name"),
    "answers": ("Answer", "Failure", "Origin", "PluginName", "as_send_result"),
    "configuration": ("HostConfiguration", "Validate", "plain_validation"),
    "discovery": ("FoundPlugin", "discover"),
    "dispatch": ("Dispatch",),
    "host": ("PluginHost",),
    "report": ("PluginKind", "PluginReport", "PluginState"),
}
_MODULE_OF = {name: f"midcall.plugins.{module}" for module, names in _WHERE.items() for name in names}


def __getattr__(name: str) -> Any:
    """Resolve a promised name on first use (PEP 562)."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'midcall.plugins' has no attribute {name!r}")
    value = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


__all__ = [
    "Answer",
    "CarrierAdapter",
    "Dispatch",
    "Failure",
    "FoundPlugin",
    "HostConfiguration",
    "Origin",
    "PluginHost",
    "PluginKind",
    "PluginName",
    "PluginReport",
    "PluginState",
    "Validate",
    "adapter_name",
    "as_send_result",
    "discover",
    "plain_validation",
]
