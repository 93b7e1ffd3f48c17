"""Making what the host keeps out of an imported plugin and its settings: a carrier, a platform or a policy, ready for use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from midcall.contract.carrier import Carrier
from midcall.contract.errors import ConfigError
from midcall.contract.platform import Platform
from midcall.plugins.adapter import Unchecked
from midcall.plugins.configuration import Validate, env_prefix
from midcall.plugins.loading import LoadedPlugin, policy_settings, ready_policy
from midcall.plugins.selection import Use, without
from midcall.plugins.wording import cause, origin_of

UNCHECKED_KEY = "unchecked_sender"
"""The key of an account that is the host's: what a lookup of a sender that failed means, "allow" or "deny"."""


def make_carrier(loaded: LoadedPlugin, use: Use, validate: Validate) -> tuple[Carrier[Any], Unchecked]:
    """The carrier of one account, and what a failed lookup of its senders means. Raises `ConfigError`."""
    unchecked = use.values.get(UNCHECKED_KEY, "allow")
    if unchecked not in ("allow", "deny"):
        raise ConfigError(f'{use.where} {UNCHECKED_KEY} is {unchecked!r}. It is "allow" or "deny".')
    carrier = _instance(loaded, use, without(use.values, UNCHECKED_KEY), validate)
    return cast("Carrier[Any]", carrier), cast("Unchecked", unchecked)


def make_platform(loaded: LoadedPlugin, use: Use, validate: Validate) -> Platform[Any]:
    """One instance of a platform. Raises `ConfigError`."""
    return cast("Platform[Any]", _instance(loaded, use, use.values, validate))


def _instance(loaded: LoadedPlugin, use: Use, values: Mapping[str, Any], validate: Validate) -> object:
    model = loaded.value.settings
    # TWILIO_AUTH_TOKEN is for the account called twilio: a second account that took it silently would send from the first.
    customary = model.customary if use.instance == use.plugin else {}
    try:
        config = validate(model, values, use.where, env_prefix(use.table, use.instance), customary)
        return cast("object", loaded.value(use.instance, config))
    except ConfigError:
        raise
    except Exception as error:
        raise _not_made(loaded, use, error) from error


def make_policy(loaded: LoadedPlugin, use: Use, validate: Validate) -> object:
    """The policy to register, with its settings if it declares any. Raises `ConfigError`."""
    model = policy_settings(loaded.value)
    if model is None and use.values:
        keys = ", ".join(sorted(use.values))
        raise ConfigError(
            f"{use.where} has settings ({keys}), and the plugin {use.plugin!r} takes none. Take them out."
        )
    try:
        config = None
        if model is not None:
            config = validate(model, use.values, use.where, env_prefix(use.table, use.instance), {})
        return cast("object", ready_policy(loaded.value, config))
    except ConfigError:
        raise
    except Exception as error:
        raise _not_made(loaded, use, error) from error


def _not_made(loaded: LoadedPlugin, use: Use, error: Exception) -> ConfigError:
    who = f"plugin {use.plugin!r}{origin_of(loaded.found.distribution, loaded.found.version)}"
    return ConfigError(f"{who} does not take its settings at {use.where}: {cause(error)}.")
