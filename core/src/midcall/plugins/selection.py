"""Which plugins the settings name, and what is wrong with naming them: a chosen plugin that is missing stops the start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from midcall.plugins.configuration import HostConfiguration
from midcall.plugins.discovery import FoundPlugin
from midcall.plugins.report import PluginKind
from midcall.plugins.wording import did_you_mean
from midcall.settings import RawTable

Table = Literal["accounts", "platforms", "plugins", "required_plugins"]

_KIND_OF_TABLE = {
    "accounts": PluginKind.CARRIER,
    "platforms": PluginKind.PLATFORM,
    "plugins": PluginKind.POLICY,
}
_TABLE_OF_KIND: Mapping[PluginKind, str] = {kind: table for table, kind in _KIND_OF_TABLE.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One place in the settings that names a plugin: `plugin` is its name, `instance` the account's or platform's own."""

    plugin: str
    table: Table
    instance: str
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def where(self) -> str:
        """The place, as it is written in the file: `[accounts.eu]`."""
        return self.table if self.table == "required_plugins" else f"[{self.table}.{self.instance}]"


def uses(configuration: HostConfiguration) -> Iterator[Use]:
    """Every place that names a plugin, in the order of the tables.

    An account is of the carrier it names with `carrier`, else of the one it is named like; platforms likewise. These keys are
    the host's and are taken out of the values.
    """
    for account, values in configuration.accounts.items():
        yield _use("accounts", account, values, key="carrier")
    for instance, values in configuration.platforms.items():
        yield _use("platforms", instance, values, key="platform")
    for name, values in configuration.plugins.items():
        yield Use(plugin=name, table="plugins", instance=name, values=values)
    for name in configuration.required:
        yield Use(plugin=name, table="required_plugins", instance=name)


def _use(table: Table, instance: str, values: Mapping[str, Any], *, key: str) -> Use:
    return Use(
        plugin=str(values.get(key, instance)), table=table, instance=instance, values=without(values, key)
    )


def without(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """`values` less `key`. A table that knows which file or variable each value came from goes on knowing it."""
    rest = {name: value for name, value in values.items() if name != key}
    return RawTable(rest, origins=values.origins) if isinstance(values, RawTable) else rest


def unusable(use: Use, found: Sequence[FoundPlugin]) -> str:
    """Why the plugin that `use` names cannot be imported, with what to do about it; empty if it can.

    A configured plugin may be switched off by MIDCALL_DISABLE, for that is what the variable is for; a required one may not.
    """
    named = [plugin for plugin in found if plugin.name == use.plugin]
    if not any(plugin.value for plugin in named):
        return _not_installed(use, found)
    for plugin in named:
        if plugin.disabled:
            return (
                f"required_plugins names {use.plugin!r}, which is {plugin.disabled}."
                if _required(use)
                else ""
            )
        if plugin.problem:
            return f"{use.where} needs the plugin {use.plugin!r}: {plugin.problem}"
    return ""


def _required(use: Use) -> bool:
    return use.table == "required_plugins"


def _not_installed(use: Use, found: Sequence[FoundPlugin]) -> str:
    what = _KIND_OF_TABLE[use.table].value if use.table != "required_plugins" else "plugin"
    hint = did_you_mean(use.plugin, (plugin.name for plugin in found if plugin.value))
    if use.table in ("accounts", "platforms"):
        fix = f" Install midcall-{use.plugin}: pip install midcall-{use.plugin}"
        if use.plugin == use.instance:
            fix += f", or name another {what} with {what} = "
            fix += '"..."'
    else:
        fix = " Install the distribution it comes with, or take the name out."
    return f"{use.where} names the {what} {use.plugin!r}, which is not installed.{hint}{fix}"


def misplaced(use: Use, kind: PluginKind) -> str:
    """What to say when `use` names a plugin of another kind than its table is for; empty when it does not."""
    expected = _KIND_OF_TABLE.get(use.table, kind)
    if kind is expected:
        return ""
    table = _TABLE_OF_KIND[kind]
    return f"{use.where} names {use.plugin!r}, which is a {kind}, not a {expected}. Its settings belong under [{table}.{use.plugin}]."


def idle(name: str, kind: PluginKind, instances: Sequence[str]) -> str:
    """What to say of a required plugin that loaded and serves nobody, which is as good as missing; empty if it does serve."""
    if kind is PluginKind.POLICY or instances:
        return ""
    return f"required_plugins names the {kind} {name!r}, which no table sets up. Add [{_TABLE_OF_KIND[kind]}.{name}]."
