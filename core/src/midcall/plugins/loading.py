"""Importing one plugin, and looking it over before it is used. Whatever is wrong with it becomes a sentence, not a crash.

What pluggy lets pass in silence is looked for here: a hook with a misspelt name, one without its `@hookimpl`, one with an
argument that does not exist. Each of them would be a check that is never made.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from pydantic import BaseModel

from midcall.content import CHARSETS
from midcall.contract import hookspecs
from midcall.contract.capabilities import Capabilities
from midcall.contract.carrier import Carrier, CarrierSettings
from midcall.contract.markers import Registry, new_registry
from midcall.contract.platform import Platform, PlatformSettings
from midcall.plugins.discovery import FoundPlugin
from midcall.plugins.implementations import argument_names
from midcall.plugins.report import PluginKind
from midcall.plugins.wording import cause, did_you_mean, origin_of

HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("midcall_"))
"""Names of all hooks, in the order of a text's life."""

_ARGUMENTS = {name: argument_names(getattr(hookspecs, name)) for name in HOOKS}


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    """An imported plugin: a `Carrier` or `Platform` class, or a policy (module, class, or object)."""

    found: FoundPlugin
    kind: PluginKind
    value: Any


class Unloadable(Exception):
    """A plugin that cannot be used. `problems` are sentences that name it and its distribution."""

    def __init__(self, *problems: str) -> None:
        """`problems`: one sentence each."""
        self.problems = problems
        super().__init__(" ".join(problems))


def load(found: FoundPlugin) -> LoadedPlugin:
    """Import `found` and look it over. Raises `Unloadable`, whatever the plugin raised."""
    who = f"plugin {found.name!r}{origin_of(found.distribution, found.version)}"
    try:
        value = _imported(found.value)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: some modules exit when something is missing
        fix = (
            f" Reinstall it with what it needs: pip install --upgrade {found.distribution}"
            if found.distribution
            else ""
        )
        raise Unloadable(f"{who} cannot be imported: {cause(error)}.{fix}") from error
    kind, problems = _looked_over(found.name, value)
    if problems:
        raise Unloadable(*(f"{who}: {problem}" for problem in problems))
    return LoadedPlugin(found, kind, value)


def _imported(value: str) -> Any:
    module, _, attributes = value.partition(":")
    imported: Any = import_module(module.strip())
    for attribute in filter(None, attributes.strip().split(".")):
        imported = getattr(imported, attribute)
    return imported


def _looked_over(name: str, value: Any) -> tuple[PluginKind, list[str]]:
    """What kind of plugin it is, and what is wrong with it."""
    if isinstance(value, type) and issubclass(value, Carrier):
        return PluginKind.CARRIER, list(_carrier_problems(name, value))
    if isinstance(value, type) and issubclass(value, Platform):
        return PluginKind.PLATFORM, list(_platform_problems(name, value))
    return PluginKind.POLICY, list(policy_problems(value))


def _carrier_problems(name: str, carrier: type[Carrier[Any]]) -> Iterator[str]:
    yield from _name_problems(name, carrier)
    if not _is_class(carrier.settings, CarrierSettings):
        yield f"{carrier.__name__}.settings is not a subclass of midcall.CarrierSettings."
    capabilities: object = carrier.capabilities
    if not isinstance(capabilities, Capabilities):
        yield f"{carrier.__name__}.capabilities is not a midcall.Capabilities."
    else:
        yield from _capability_problems(carrier.__name__, capabilities)
    if carrier.send is Carrier.send:
        yield f"{carrier.__name__} does not implement send(message), the one method every carrier has."


def _capability_problems(carrier: str, capabilities: Capabilities) -> Iterator[str]:
    if capabilities.mms and not capabilities.max_media:
        yield f"{carrier}.capabilities say mms and leave max_media at 0, so no media could be sent. Say how many."
    charset: object = capabilities.charset
    if not isinstance(charset, str) or charset not in CHARSETS:
        hint = did_you_mean(str(charset), CHARSETS) or f" There are: {', '.join(CHARSETS)}."
        yield f"{carrier}.capabilities name the charset {charset!r}, which does not exist.{hint}"


def _platform_problems(name: str, platform: type[Platform[Any]]) -> Iterator[str]:
    yield from _name_problems(name, platform)
    if not _is_class(platform.settings, PlatformSettings):
        yield f"{platform.__name__}.settings is not a subclass of midcall.PlatformSettings."
    for method in ("decode_tool_call", "encode_outcome"):
        if getattr(platform, method) is getattr(Platform, method):
            yield f"{platform.__name__} does not implement {method}, which every platform has."


def _name_problems(name: str, value: type) -> Iterator[str]:
    own = getattr(value, "name", None)
    if own != name:
        says = f"says name = {own!r}" if own is not None else "has no name"
        yield f"the entry point is called {name!r} and {value.__name__} {says}. Give both the same name."


def _is_class(value: Any, of: type) -> bool:
    return isinstance(value, type) and issubclass(value, of)


def policy_problems(policy: Any) -> Iterator[str]:
    """What is wrong with the hooks of a policy (module, class or object), a sentence each."""
    registry = new_registry()
    hooks = 0
    for attribute in dir(policy):
        try:
            options = registry.parse_hookimpl_opts(policy, attribute)
        except Exception as error:  # noqa: BLE001 - pluggy 1.5 reads every attribute, and a property may raise anything
            yield f"its attribute {attribute} cannot be read: {cause(error)}."
            continue
        if options is not None:
            hooks += 1
            yield from _hook_problems(policy, attribute, options)
        elif attribute.startswith("midcall_"):
            yield from _unmarked_problems(policy, attribute)
    if not hooks:
        yield "it is neither a Carrier class nor a Platform class, and has no function marked @hookimpl."
    yield from _settings_problems(policy)


def _hook_problems(policy: Any, attribute: str, options: Mapping[str, Any]) -> Iterator[str]:
    hook = options.get("specname") or attribute
    if hook not in _ARGUMENTS:
        if not options.get("optionalhook"):
            yield f"there is no hook {hook}.{_near_hook(hook)}"
        return
    if options.get("wrapper") or options.get("hookwrapper"):
        yield f"{hook} is a hook wrapper, and Midcall has none. Write an ordinary hook."
        return
    function = getattr(policy, attribute)
    if isinstance(policy, type) and inspect.isfunction(inspect.getattr_static(policy, attribute)):
        # Still a class: what it will be bound to when it is instantiated is not one of the hook's arguments.
        function = function.__get__(object())
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            yield f"{hook} takes {parameter}. Name the arguments it needs: only those are passed."
        elif parameter.kind is parameter.POSITIONAL_ONLY:
            yield f"{hook} takes {parameter.name} by position only, and arguments are passed by name. Leave out the '/'."
        elif parameter.name not in _ARGUMENTS[hook] and parameter.default is parameter.empty:
            hint = (
                did_you_mean(parameter.name, _ARGUMENTS[hook]) or f" It has: {', '.join(_ARGUMENTS[hook])}."
            )
            yield f"{hook} has no argument {parameter.name}.{hint}"


def _near_hook(name: str) -> str:
    """The hook that was meant. The prefix is left out of it: with it, everything that has it is near everything else."""
    prefix = "midcall_"
    hint = did_you_mean(name.removeprefix(prefix), (hook.removeprefix(prefix) for hook in HOOKS))
    return hint.replace("'", f"'{prefix}", 1)


def _unmarked_problems(policy: Any, attribute: str) -> Iterator[str]:
    value = inspect.getattr_static(policy, attribute)
    if not inspect.isroutine(value) or hasattr(value, "midcall_spec"):
        return  # a module such as midcall_twilio, or a hook spec that was imported
    if attribute in HOOKS:
        yield f"{attribute} is not marked @hookimpl, so it would never be asked. Mark it: from midcall import hookimpl."
    else:
        hint = _near_hook(attribute) or " Names that begin with midcall_ are kept for hooks."
        yield f"there is no hook {attribute}.{hint}"


def policy_settings(policy: Any) -> type[BaseModel] | None:
    """The settings class a policy declares, or None. A submodule called `settings` is not one."""
    settings = getattr(policy, "settings", None)
    return settings if _is_class(settings, BaseModel) else None


def _settings_problems(policy: Any) -> Iterator[str]:
    declared = getattr(policy, "settings", None)
    if policy_settings(policy) is not None:
        if not isinstance(policy, type) and not callable(getattr(policy, "configure", None)):
            yield "it declares settings and has no configure(config) to be given them."
    elif isinstance(declared, type):
        yield "its settings is not a subclass of pydantic.BaseModel."


def ready_policy(policy: Any, config: BaseModel | None) -> Any:
    """The object to register: a class is instantiated, anything else is given its settings. May raise whatever the plugin does."""
    if isinstance(policy, type):
        return policy() if config is None else policy(config)
    if config is not None:
        policy.configure(config)
    return policy


def hooks_of(plugin: Any, registry: Registry) -> tuple[str, ...]:
    """The hooks a registered plugin implements, in the order of a text's life."""
    callers = registry.get_hookcallers(plugin) or []
    names = {caller.name for caller in callers}
    return tuple(name for name in HOOKS if name in names)
