"""What the settings must say in agreement with each other: names that name something, and nothing twice.

Works on settings that are read and on such as are not yet known to be right, so that one run reports every problem.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from midcall.numbers import mask
from midcall.settings.near import did_you_mean
from midcall.settings.places import Place, shown_name
from midcall.settings.values import is_e164

_POOL: Final = "pool:"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """`place` says something that the rest of the settings does not bear out; `words` say what, and what to do."""

    place: Place
    words: str


def cross_checks(
    settings: Mapping[str, Any], *, only: frozenset[str] | None = None, disabled: frozenset[str] = frozenset()
) -> list[Disagreement]:
    """Every disagreement in `settings`, of which only the shape of what is looked at has to be right.

    `only` and `disabled` are the plugins that variables select and leave out.
    """
    return [
        *_numbers(settings),
        *_pools(settings),
        *_kinds(settings, "accounts", "carrier"),
        *_kinds(settings, "platforms", "platform"),
        *_plugins(settings, only=only, disabled=disabled),
    ]


def _table(settings: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = settings.get(name)
    return found if isinstance(found, Mapping) else {}


def _key(table: Any, key: str) -> Any:
    return table.get(key) if isinstance(table, Mapping) else getattr(table, key, None)


def _entries(table: Any, key: str) -> list[tuple[int, str]]:
    found = _key(table, key)
    if not isinstance(found, (list, tuple)):
        return []
    return [(index, entry) for index, entry in enumerate(found) if isinstance(entry, str)]


def _numbers(settings: Mapping[str, Any]) -> Iterator[Disagreement]:
    accounts, pools = _table(settings, "accounts"), _table(settings, "pools")
    for number, table in _table(settings, "numbers").items():
        account = _key(table, "account")
        if isinstance(account, str) and account and account not in accounts:
            yield Disagreement(
                ("numbers", number, "account"),
                f"there is no [accounts.{shown_name(account)}].{did_you_mean(account, accounts)} "
                f"Add that table, or name an account that is there.",
            )
        for index, entry in _entries(table, "fallback"):
            words = _fallback(number, entry, pools)
            if words:
                yield Disagreement(("numbers", number, "fallback", index), words)


def _fallback(number: str, entry: str, pools: Mapping[str, Any]) -> str:
    if entry.startswith(_POOL):
        pool = entry.removeprefix(_POOL)
        if pool in pools:
            return ""
        return (
            f"there is no [pools.{shown_name(pool)}].{did_you_mean(pool, pools)} "
            f"Add that table, or name a pool that is there."
        )
    if entry in pools:
        return f"a pool is written with `pool:` before its name. Write {_POOL}{entry}."
    if not is_e164(entry):
        return "it must be a number in E.164, such as +12025550100, or pool:NAME."
    return "a number cannot follow itself. Leave it out." if entry == number else ""


def _pools(settings: Mapping[str, Any]) -> Iterator[Disagreement]:
    for name, table in _table(settings, "pools").items():
        seen: set[str] = set()
        for index, number in _entries(table, "numbers"):
            if number in seen:
                yield Disagreement(
                    ("pools", name, "numbers", index), f"{mask(number)} is there twice. Leave one out."
                )
            seen.add(number)


def _kinds(settings: Mapping[str, Any], section: str, key: str) -> Iterator[Disagreement]:
    for name, table in _table(settings, section).items():
        kind = _key(table, key)
        if kind is not None and (not isinstance(kind, str) or not kind):
            yield Disagreement(
                (section, name, key),
                f'it must be the name of a {key} in quotes: {key} = "NAME". Leave it out when '
                f"the table is named like the {key}.",
            )


def _plugins(
    settings: Mapping[str, Any], *, only: frozenset[str] | None, disabled: frozenset[str]
) -> Iterator[Disagreement]:
    left_out = {name for _, name in _entries(settings, "disable")}
    for index, name in _entries(settings, "required_plugins"):
        shown, place = shown_name(name), ("required_plugins", index)
        if name in left_out:
            yield Disagreement(
                place, f"{shown} is required, and `disable` names it too. Leave out one of the two."
            )
        elif name in disabled:
            yield Disagreement(
                place, f"{shown} is required, and MIDCALL_DISABLE names it. Leave out one of the two."
            )
        elif only is not None and name not in only:
            yield Disagreement(
                place,
                f"{shown} is required, and MIDCALL_PLUGINS leaves it out. Name it there too, or unset that.",
            )
