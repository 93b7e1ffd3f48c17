"""What `midcall plugins` prints: one line per plugin, the broken and the switched off included."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class PluginKind(StrEnum):
    """What a plugin turned out to be; `unknown` until it is imported, which a listing never does."""

    CARRIER = "carrier"
    PLATFORM = "platform"
    POLICY = "policy"
    BUILTIN = "built-in"
    UNKNOWN = "unknown"


class PluginState(StrEnum):
    """::

    ready            loaded, and asked
    not configured   installed; no setting names it, so it was not imported
    broken           it could not be imported or set up; `problem` has the cause
    disabled         switched off by MIDCALL_PLUGINS or MIDCALL_DISABLE
    refused          not imported: two distributions claim the name, or it is made for another midcall
    """

    READY = "ready"
    NOT_CONFIGURED = "not configured"
    BROKEN = "broken"
    DISABLED = "disabled"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginReport:
    """One plugin, as found and as it is now.

    `problem` is a whole sentence, empty when there is none. `instances` are the accounts or platform instances it serves.
    `hooks` are the hooks it implements, in the order of a text's life; `quarantined` those of them that keep hanging and
    are not asked for the time being.
    """

    name: str
    kind: PluginKind
    state: PluginState
    distribution: str = ""
    version: str = ""
    problem: str = ""
    instances: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    quarantined: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The report as a JSON object, every key always there."""
        return asdict(self)
