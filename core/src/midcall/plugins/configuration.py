"""What the host is told: plain mappings, as they stand in `midcall.toml`, and how to turn them into settings objects."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from midcall.contract.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import BaseModel

Validate = Callable[
    ["type[BaseModel]", Mapping[str, Any], str, str, Mapping[str, str]],
    "BaseModel",
]
"""`validate(model, values, where, env_prefix, customary)` makes a plugin's settings or raises `ConfigError`.

`where` is the table (`[accounts.eu]`), `env_prefix` what its environment variables begin with (`MIDCALL_ACCOUNTS__EU__`),
`customary` field names with the variables people already have; it is empty unless the table is named like the carrier.
"""


def plain_validation(
    model: type[BaseModel],
    values: Mapping[str, Any],
    where: str,
    env_prefix: str,
    customary: Mapping[str, str],
) -> BaseModel:
    """Settings from `values` alone; the environment is not read, only named in what is said about a missing key."""
    from pydantic import ValidationError

    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise ConfigError(
            *(_sentence(model, detail, where, env_prefix) for detail in error.errors())
        ) from None


def _sentence(model: type[BaseModel], detail: Any, where: str, env_prefix: str) -> str:
    """One pydantic error as a sentence. Its `input` is left out: it may be a secret."""
    key = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "missing":
        return f"{where} {key} is missing. Set it there, or in the environment as {env_prefix}{key.upper()}."
    if detail["type"] == "extra_forbidden":
        known = ", ".join(sorted(model.model_fields)) or "none"
        return f"{where} has no key {key}. Its keys are: {known}."
    return f"{where} {key or 'as a whole'}: {detail['msg']}."


def env_prefix(table: str, name: str) -> str:
    """What the environment variables of `[table.name]` begin with: `MIDCALL_ACCOUNTS__EU__`."""
    return f"MIDCALL_{table.upper()}__{re.sub(r'[^A-Za-z0-9]', '_', name).upper()}__"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostConfiguration:
    """What decides which plugins are loaded, and with which settings.

    `accounts`, `platforms` and `plugins` are the tables of that name. `required`: plugins without which nothing starts.
    `order`: names of plugins that are asked before all others, in this order; a carrier's name stands for all its accounts.
    `only` and `disabled` are MIDCALL_PLUGINS and MIDCALL_DISABLE. `hook_deadline_s` and `content_deadline_s` are the seconds
    one plugin has in a turn, for a check and for content; `hook_threads` how many plain (not async) hooks run at once.
    """

    accounts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    platforms: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    plugins: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    only: Collection[str] | None = None
    disabled: Collection[str] = ()
    hook_deadline_s: float = 0.5
    content_deadline_s: float = 1.0
    hook_threads: int = 8
    validate: Validate = plain_validation
