"""The ledger: messages, claims, attempts, events, opt-outs, limits and calls, durably."""

from __future__ import annotations

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
