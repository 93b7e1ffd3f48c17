"""From the settings and what is installed to a registry of plugins that can be asked, and an account of what went wrong."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from midcall.contract.carrier import Carrier
from midcall.contract.errors import ConfigError
from midcall.contract.markers import new_registry
from midcall.contract.platform import Platform
from midcall.plugins.adapter import Blocked, CarrierAdapter, Unchecked, adapter_name
from midcall.plugins.answers import PluginName
from midcall.plugins.configuration import HostConfiguration
from midcall.plugins.discovery import FoundPlugin
from midcall.plugins.instances import make_carrier, make_platform, make_policy
from midcall.plugins.loading import LoadedPlugin, Unloadable, load
from midcall.plugins.report import PluginKind, PluginState
from midcall.plugins.selection import Use, idle, misplaced, unusable, uses
from midcall.plugins.wording import cause, did_you_mean

_log = logging.getLogger("midcall.plugins")

_LOOKUP_SHARE = 0.8
"""The part of a hook's deadline that a sender's lookup may take: the verdict about it still has to arrive in time."""


@dataclass(slots=True, eq=False)
class Entry:
    """One found plugin and what became of it. `registered` are the names it is asked under."""

    found: FoundPlugin
    state: PluginState
    problem: str = ""
    loaded: LoadedPlugin | None = None
    instances: list[str] = field(default_factory=list)
    registered: list[PluginName] = field(default_factory=list)

    @property
    def kind(self) -> PluginKind:
        """What it turned out to be."""
        return self.loaded.kind if self.loaded is not None else PluginKind.UNKNOWN


class Registered:
    """Loads, sets up and registers plugins, each by itself: what is wrong with one never keeps the others from it.

    `problems` are the sentences that stop the start: about plugins that a setting names. About all others there is a line in
    their entry and in the log.
    """

    def __init__(
        self,
        configuration: HostConfiguration,
        found: Sequence[FoundPlugin],
        *,
        builtins: Sequence[tuple[PluginName, object]],
        blocked: Blocked | None,
    ) -> None:
        self.registry = new_registry()
        self.entries: list[Entry] = []
        self.problems: list[str] = []
        self.carriers: dict[str, Carrier[Any]] = {}
        self.platforms: dict[str, Platform[Any]] = {}
        self.policies: dict[PluginName, object] = {}
        self.adapters: dict[str, CarrierAdapter] = {}
        self._configuration = configuration
        self._blocked = blocked
        self._unchecked: dict[str, Unchecked] = {}
        self._uses = tuple(uses(configuration))
        self._named = {use.plugin for use in self._uses}
        for name, plugin in builtins:
            self.registry.register(plugin, name=name)
        self._run(found, [name for name, _ in builtins])

    def _run(self, found: Sequence[FoundPlugin], builtins: Sequence[PluginName]) -> None:
        self.problems += filter(None, (unusable(use, found) for use in self._uses))
        self.entries += [self._imported(plugin) for plugin in found]
        for entry in self.entries:
            self._set_up(entry)
        for entry in self.entries:
            self._register(entry)
        for entry in self.entries:
            if entry.found.name in self._configuration.required and entry.state is PluginState.READY:
                self.problems += filter(None, [idle(entry.found.name, entry.kind, entry.instances)])
        self.problems += self._order_problems(builtins)

    def order(self) -> list[PluginName]:
        """`order` of the settings, with a carrier's name replaced by those of all its accounts."""
        return [
            registered for name in self._configuration.order for registered in self._registered_names(name)
        ]

    def _registered_names(self, name: str) -> list[PluginName]:
        for entry in self.entries:
            if entry.found.name == name and entry.registered:
                return entry.registered
        return [name]

    def _order_problems(self, builtins: Sequence[PluginName]) -> list[str]:
        known = {*builtins, *(entry.found.name for entry in self.entries)}
        known.update(name for entry in self.entries for name in entry.registered)
        return [
            f"order names {name!r}, which is not installed.{did_you_mean(name, known)} Take it out, or correct it."
            for name in self._configuration.order
            if name not in known
        ]

    def _imported(self, plugin: FoundPlugin) -> Entry:
        """Import a plugin, if it is to be."""
        named = plugin.name in self._named
        if plugin.disabled:
            return Entry(plugin, PluginState.DISABLED, plugin.disabled)
        if plugin.problem:
            return Entry(plugin, PluginState.REFUSED, plugin.problem)
        if not named and not plugin.is_module:
            # It may be a carrier, whose import may be slow; only the import would tell.
            tables = "[accounts], [platforms] or [plugins]"
            return Entry(plugin, PluginState.NOT_CONFIGURED, f"no table under {tables} names it")
        entry = Entry(plugin, PluginState.READY)
        try:
            entry.loaded = load(plugin)
        except Unloadable as broken:
            self._broke(entry, *broken.problems)
        return entry

    def _broke(self, entry: Entry, *problems: str) -> None:
        """Note that a plugin cannot be used; what that means depends on whether a setting names it."""
        entry.state = PluginState.BROKEN
        entry.problem = " ".join(filter(None, (entry.problem, *problems)))
        if entry.found.name in self._named:
            self.problems += problems
            return
        for problem in problems:
            _log.warning("%s It is not used.", problem)

    def _set_up(self, entry: Entry) -> None:
        """Make a carrier for every account, a platform for every instance, or a policy with its settings."""
        loaded = entry.loaded
        if loaded is None:
            return
        name = entry.found.name
        tables = [use for use in self._uses if use.plugin == name and use.table != "required_plugins"]
        if loaded.kind is PluginKind.POLICY and not tables:
            tables = [Use(plugin=name, table="plugins", instance=name)]
        for use in tables:
            wrong = misplaced(use, loaded.kind)
            if wrong:
                self._broke(entry, wrong)
                continue
            try:
                self._make(entry, loaded, use)
            except ConfigError as error:
                self._broke(entry, *error.problems)

    def _make(self, entry: Entry, loaded: LoadedPlugin, use: Use) -> None:
        validate = self._configuration.validate
        if loaded.kind is PluginKind.POLICY:
            self.policies[use.plugin] = make_policy(loaded, use, validate)
            return
        if loaded.kind is PluginKind.CARRIER:
            carrier, self._unchecked[use.instance] = make_carrier(loaded, use, validate)
            self.carriers[use.instance] = carrier
        else:
            self.platforms[use.instance] = make_platform(loaded, use, validate)
        entry.instances.append(use.instance)

    def _register(self, entry: Entry) -> None:
        for name, plugin in self._plugins_of(entry):
            try:
                self.registry.register(plugin, name=name)
            except Exception as error:  # noqa: BLE001 - pluggy's complaints, and whatever a plugin's == or property raises
                self._broke(entry, f"plugin {name!r} cannot be registered: {cause(error)}.")
            else:
                entry.registered.append(name)

    def _plugins_of(self, entry: Entry) -> list[tuple[PluginName, object]]:
        """What is registered for one found plugin: an adapter for each account of a carrier, a policy itself."""
        if entry.kind is PluginKind.CARRIER:
            adapters = [self._adapter(account) for account in sorted(entry.instances)]
            return [(adapter.name, adapter) for adapter in adapters]
        policy = self.policies.get(entry.found.name) if entry.kind is PluginKind.POLICY else None
        return [] if policy is None else [(entry.found.name, policy)]

    def _adapter(self, account: str) -> CarrierAdapter:
        carrier = self.carriers[account]
        adapter = CarrierAdapter(
            carrier,
            name=adapter_name(carrier.name, account),
            offers_senders=len(self.carriers) > 1,
            patience_s=self._configuration.hook_deadline_s * _LOOKUP_SHARE,
            unchecked=self._unchecked[account],
            blocked=self._blocked,
        )
        self.adapters[account] = adapter
        return adapter
