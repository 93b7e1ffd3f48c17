"""The ledger: messages, claims, attempts, events, opt-outs, limits and calls, durably.

Names are resolved on first use: the settings ask where a ledger may be (`midcall.ledger.location`), and are not to load
SQLAlchemy for that.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from midcall.ledger.as_json import attempt_json, call_json, event_json, message_json
    from midcall.ledger.ids import new_message_id
    from midcall.ledger.ledger import Ledger
    from midcall.ledger.records import (
        Applied,
        Attempt,
        Charge,
        ClaimRequest,
        Denied,
        ImportCounts,
        Lost,
        NewMessage,
        OptOut,
        RememberedSender,
        Slot,
        Won,
    )

_WHERE = {
    "as_json": ("attempt_json", "call_json", "event_json", "message_json"),
    "ids": ("new_message_id",),
    "ledger": ("Ledger",),
    "records": (
        "Applied",
        "Attempt",
        "Charge",
        "ClaimRequest",
        "Denied",
        "ImportCounts",
        "Lost",
        "NewMessage",
        "OptOut",
        "RememberedSender",
        "Slot",
        "Won",
    ),
}
_MODULES = {name: module for module, names in _WHERE.items() for name in names}

__all__ = [
    "Applied",
    "Attempt",
    "Charge",
    "ClaimRequest",
    "Denied",
    "ImportCounts",
    "Ledger",
    "Lost",
    "NewMessage",
    "OptOut",
    "RememberedSender",
    "Slot",
    "Won",
    "attempt_json",
    "call_json",
    "event_json",
    "message_json",
    "new_message_id",
]


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return value
