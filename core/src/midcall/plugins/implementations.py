"""Who implements a hook, in which order they are asked, and where the code of each runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from midcall.contract.markers import HookImplementation
from midcall.plugins.answers import Origin, PluginName


class Runs(Enum):
    """Where an implementation runs. `INLINE` is for core's own, which are pure and fast, and are not quarantined."""

    INLINE = 1
    ON_LOOP = 2
    IN_THREAD = 3


@dataclass(frozen=True, slots=True, eq=False)
class Implementation:
    """One plugin's implementation of one hook; `arguments` are the names of those it can be given."""

    plugin: PluginName
    origin: Origin
    function: Callable[..., Any]
    arguments: tuple[str, ...]
    runs: Runs


def prepared(
    found: Iterable[HookImplementation],
    *,
    order: Sequence[PluginName],
    origins: Mapping[PluginName, Origin],
    trusted: Collection[PluginName],
) -> tuple[Implementation, ...]:
    """pluggy's implementations of one hook, sorted as they are asked.

    First those named in `order`, as they stand there; then by name, after those with `tryfirst` and before those with
    `trylast`. Core's own (`trusted`) `tryfirst` comes after everybody's, and its `trylast` too: a plugin can always get in
    before core. pluggy's own order depends on who was registered when; this one does not.
    """

    def place(each: HookImplementation) -> tuple[int, int, str]:
        listed = order.index(each.plugin_name) if each.plugin_name in order else len(order)
        cores = each.plugin_name in trusted
        if each.tryfirst:
            rank = 1 if cores else 0
        elif each.trylast:
            rank = 4 if cores else 3
        else:
            rank = 2
        return listed, rank, each.plugin_name

    return tuple(
        Implementation(
            each.plugin_name,
            origins.get(each.plugin_name, Origin()),
            each.function,
            argument_names(each.function),
            _runs(each, trusted),
        )
        for each in sorted(found, key=place)
    )


def _runs(each: HookImplementation, trusted: Collection[PluginName]) -> Runs:
    if each.plugin_name in trusted:
        return Runs.INLINE
    return Runs.ON_LOOP if inspect.iscoroutinefunction(each.function) else Runs.IN_THREAD


def argument_names(function: Callable[..., Any]) -> tuple[str, ...]:
    """Names of the arguments `function` can be given by keyword."""
    by_keyword = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return tuple(
        each.name for each in inspect.signature(function).parameters.values() if each.kind in by_keyword
    )
