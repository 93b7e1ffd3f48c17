"""The plugin host: it loads what is installed and configured, starts it, and knows what became of each plugin."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from midcall.contract.carrier import Carrier
from midcall.contract.errors import ConfigError
from midcall.contract.platform import Platform
from midcall.plugins.adapter import Blocked, CarrierAdapter
from midcall.plugins.answers import Origin, PluginName
from midcall.plugins.bounded import call_bounded
from midcall.plugins.configuration import HostConfiguration
from midcall.plugins.discovery import FoundPlugin, core_version, discover
from midcall.plugins.dispatch import Dispatch
from midcall.plugins.loading import HOOKS, hooks_of
from midcall.plugins.registering import Entry, Registered
from midcall.plugins.report import PluginKind, PluginReport, PluginState
from midcall.plugins.wording import cause

_WARM_UP_S = 5.0
_CLOSE_S = 5.0


class PluginHost:
    """All plugins of one running Midcall: `load()`, `await start()`, ask through `dispatch`, `await aclose()`.

    `builtins` are core's own plugins, by name: their plain hooks run on the event loop, so they must be pure and fast.
    `blocked` tells whether a sender is not to be used for the time being; likewise. `found` is what to choose from, by
    default everything that is installed.
    """

    def __init__(
        self,
        configuration: HostConfiguration,
        *,
        builtins: Sequence[tuple[PluginName, object]] = (),
        blocked: Blocked | None = None,
        found: Sequence[FoundPlugin] | None = None,
    ) -> None:
        self.configuration = configuration
        self._builtins = tuple(builtins)
        self._blocked = blocked
        self._found = found
        self._registered: Registered | None = None
        self._dispatch: Dispatch | None = None

    # --- Loading ----------------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Import and set up what the settings name, and every policy that is a module. Blocks: imports take their time.

        A plugin that no setting names and that breaks is a line in the report. One that is named and cannot be used raises
        `ConfigError` with all such problems at once: a missing consent check must not fail open. Everything that can be
        loaded is, even then, so that the report is whole.
        """
        if self._registered is not None:
            raise RuntimeError("PluginHost.load() was called before; make a new host")
        chosen = self.configuration
        found = self._found
        if found is None:
            builtins = [name for name, _ in self._builtins]
            found = discover(only=chosen.only, disabled=chosen.disabled, builtins=builtins)
        self._registered = Registered(chosen, found, builtins=self._builtins, blocked=self._blocked)
        self._dispatch = self._new_dispatch(self._registered)
        if self._registered.problems:
            raise ConfigError(*dict.fromkeys(self._registered.problems))

    def _new_dispatch(self, loaded: Registered) -> Dispatch:
        own = Origin("midcall", core_version())
        cores = [name for name, _ in self._builtins]
        origins = dict.fromkeys(cores, own)
        for entry in loaded.entries:
            origins |= dict.fromkeys(entry.registered, Origin(entry.found.distribution, entry.found.version))
        return Dispatch(
            loaded.registry,
            order=loaded.order(),
            origins=origins,
            trusted=[*cores, *(adapter.name for adapter in loaded.adapters.values())],
            threads=self.configuration.hook_threads,
            fair_deadline_s=min(self.configuration.hook_deadline_s, self.configuration.content_deadline_s),
        )

    # --- What there is ----------------------------------------------------------------------------------------------

    @property
    def _loaded(self) -> Registered:
        if self._registered is None:
            raise RuntimeError("PluginHost.load() has not been called")
        return self._registered

    @property
    def dispatch(self) -> Dispatch:
        """Through which plugins are asked. There is none before `load`."""
        if self._dispatch is None:
            raise RuntimeError("PluginHost.load() has not been called")
        return self._dispatch

    @property
    def carriers(self) -> Mapping[str, Carrier[Any]]:
        """The carrier of every account, by the account's name."""
        return MappingProxyType(self._loaded.carriers)

    @property
    def platforms(self) -> Mapping[str, Platform[Any]]:
        """The platforms, by the instance's name."""
        return MappingProxyType(self._loaded.platforms)

    @property
    def adapters(self) -> Mapping[str, CarrierAdapter]:
        """What stands for each account among the hooks, by the account's name."""
        return MappingProxyType(self._loaded.adapters)

    def plugin_of(self, account: str) -> PluginName:
        """The plugin to ask to send from `account`. For an account that is not loaded a name that nobody answers to."""
        adapter = self._loaded.adapters.get(account)
        return adapter.name if adapter is not None else f"account {account}"

    def order(self) -> Mapping[str, tuple[PluginName, ...]]:
        """For every hook, the plugins that implement it, in the order they are asked."""
        return {hook: self.dispatch.asked_in_order(hook) for hook in HOOKS}

    def report(self) -> tuple[PluginReport, ...]:
        """One line per plugin, core's own first, the others sorted by name. It may be asked for after a failed `load` too."""
        loaded, version = self._loaded, core_version()
        # What is found without a value is only a name that was given; if it is core's own, it has its line already.
        own = {name for name, _ in self._builtins}
        entries = [entry for entry in loaded.entries if entry.found.value or entry.found.name not in own]
        problems = {entry.found.name: entry.problem for entry in loaded.entries if entry not in entries}
        cores = (
            PluginReport(
                name=name,
                kind=PluginKind.BUILTIN,
                state=PluginState.READY,
                distribution="midcall",
                version=version,
                problem=problems.get(name, ""),
                hooks=hooks_of(plugin, loaded.registry),
            )
            for name, plugin in self._builtins
        )
        return (*cores, *(self._line(loaded, entry) for entry in entries))

    def _line(self, loaded: Registered, entry: Entry) -> PluginReport:
        implemented: set[str] = set()
        quarantined: set[str] = set()
        for name in entry.registered:
            implemented.update(hooks_of(loaded.registry.get_plugin(name), loaded.registry))
            quarantined.update(self.dispatch.quarantined(name))
        return PluginReport(
            name=entry.found.name,
            kind=entry.kind,
            state=entry.state,
            distribution=entry.found.distribution,
            version=entry.found.version,
            problem=entry.problem,
            instances=tuple(entry.instances),
            hooks=tuple(hook for hook in HOOKS if hook in implemented),
            quarantined=tuple(hook for hook in HOOKS if hook in quarantined),
        )

    # --- Running ----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Import the carriers' SDKs, in a thread and one after the other; raises `ConfigError` with all that fail.

        It takes as long as the SDKs do (seconds, for some) and does not block the event loop: await it to be sure of them,
        or let it run beside the server.
        """
        problems: list[str] = []
        for entry in self._loaded.entries:
            if entry.loaded is None or entry.kind is not PluginKind.CARRIER or not entry.instances:
                continue
            try:
                await asyncio.to_thread(entry.loaded.value.load_sdk)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - an SDK's import raises anything
                name = entry.found.distribution or entry.found.name
                entry.state = PluginState.BROKEN
                entry.problem = (
                    f"The SDK of carrier {entry.found.name!r} cannot be imported: {cause(error)}. "
                    f"Reinstall it: pip install --upgrade {name}"
                )
                problems.append(entry.problem)
        if problems:
            raise ConfigError(*problems)

    async def warm_up(self, account: str) -> None:
        """Let the carrier of `account` open a connection, for at most five seconds. What fails is logged."""
        adapter = self._loaded.adapters.get(account)
        if adapter is not None:
            call = adapter.carrier.warm_up
            await call_bounded(call, seconds=_WARM_UP_S, what=f"plugin {adapter.name!r} in warm_up")

    async def prime(self, number: str) -> None:
        """A call has opened on `number`: let every account look it up, so that no turn has to wait. What fails is logged."""
        await asyncio.gather(*(adapter.prime(number) for adapter in self._loaded.adapters.values()))

    async def aclose(self) -> None:
        """Close every plugin that has an `aclose`, all at once and within five seconds. What fails is logged."""
        if self._registered is None or self._dispatch is None:
            return
        await self._dispatch.aclose()
        await asyncio.gather(*(adapter.aclose() for adapter in self._registered.adapters.values()))
        plugins = (
            *((f"account {name!r}", carrier) for name, carrier in self._registered.carriers.items()),
            *((f"platform {name!r}", platform) for name, platform in self._registered.platforms.items()),
            *((f"plugin {name!r}", policy) for name, policy in self._registered.policies.items()),
        )
        await asyncio.gather(
            *(
                call_bounded(aclose, seconds=_CLOSE_S, what=f"{name} in aclose")
                for name, plugin in plugins
                if callable(aclose := getattr(plugin, "aclose", None))
            )
        )
