"""The only module that imports pluggy: the two markers, and the registry the host fills."""

from __future__ import annotations

import pluggy

PROJECT = "midcall"

hookspec = pluggy.HookspecMarker(PROJECT)

hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function or method as the implementation of a hook: ``@hookimpl`` or ``@hookimpl(tryfirst=True)``."""

Registry = pluggy.PluginManager
HookImplementation = pluggy.HookImpl
PluginValidationError = pluggy.PluginValidationError


def new_registry() -> Registry:
    """An empty pluggy registry that knows Midcall's hook specs; the host fills it in sorted order."""
    from midcall.contract import hookspecs

    registry = pluggy.PluginManager(PROJECT)
    registry.add_hookspecs(hookspecs)
    return registry
