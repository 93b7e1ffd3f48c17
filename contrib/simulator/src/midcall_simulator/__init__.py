"""A simulated SMS carrier on loopback: strict, with faults, signed receipts and a memory.

The names below are the whole public door. They are imported when first used, so that pytest, which loads this
package's plugin in every run, does not pay for an HTTP server that no test asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from midcall_simulator.callbacks import CallbackRecord, NotLoopbackError
    from midcall_simulator.faults import ArmedFault, Asked, Fault, FaultKind
    from midcall_simulator.magic import MAGIC_NUMBERS, MagicNumber
    from midcall_simulator.memory import SeenRequest, Text
    from midcall_simulator.phones import PhoneNetwork
    from midcall_simulator.retell import RetellCall
    from midcall_simulator.simulator import Simulator
    from midcall_simulator.twilio import (
        DEFAULT_ACCOUNT_SID,
        DEFAULT_AUTH_TOKEN,
        MessagingService,
        OwnedNumber,
        SharedKey,
        TwilioAccount,
    )

__all__ = [
    "DEFAULT_ACCOUNT_SID",
    "DEFAULT_AUTH_TOKEN",
    "MAGIC_NUMBERS",
    "ArmedFault",
    "Asked",
    "CallbackRecord",
    "Fault",
    "FaultKind",
    "MagicNumber",
    "MessagingService",
    "NotLoopbackError",
    "OwnedNumber",
    "PhoneNetwork",
    "RetellCall",
    "SeenRequest",
    "SharedKey",
    "Simulator",
    "Text",
    "TwilioAccount",
]

_HOME = {
    "ArmedFault": "faults",
    "Asked": "faults",
    "CallbackRecord": "callbacks",
    "DEFAULT_ACCOUNT_SID": "twilio",
    "DEFAULT_AUTH_TOKEN": "twilio",
    "Fault": "faults",
    "FaultKind": "faults",
    "MAGIC_NUMBERS": "magic",
    "MagicNumber": "magic",
    "MessagingService": "twilio",
    "NotLoopbackError": "callbacks",
    "OwnedNumber": "twilio",
    "PhoneNetwork": "phones",
    "RetellCall": "retell",
    "SeenRequest": "memory",
    "SharedKey": "twilio",
    "Simulator": "simulator",
    "Text": "memory",
    "TwilioAccount": "twilio",
}


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value
