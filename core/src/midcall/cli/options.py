"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from midcall.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])

HELP = {"help_option_names": ["-h", "--help"]}
"""`context_settings` of every command: click hands these down from the group, but not to a command that is used alone."""


def config_option(command: F) -> F:
    """`--config FILE`."""
    return click.option(
        "--config", type=click.Path(path_type=Path), help="Settings file; midcall.toml here if not given."
    )(command)


def json_option(command: F) -> F:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")(command)


def phone_number(written: str) -> str:
    """A phone number as a person types it, in E.164. For an option's `type`: click adds which option was wrong."""
    from midcall.numbers import NumberError, parse_number

    try:
        return parse_number(written).e164
    except NumberError as error:
        fixes = {"not_a_number": ".", "not_e164": ", such as +12025550142."}
        fix = fixes.get(error.code, ". Write it in full, such as +12025550142.")
        raise click.BadParameter(f"{error}{fix}") from None


def settings_from(config: Path | None) -> Settings:
    """The settings, or a `ConfigError` that says what is wrong with them."""
    from midcall.plugins.discovery import discover
    from midcall.settings import load_settings

    return load_settings(config=config, plugin_names={plugin.name for plugin in discover()})


def ledger_is_there(settings: Settings) -> bool:
    """Whether there is a ledger to be read."""
    from midcall.ledger.location import ledger_exists

    return ledger_exists(settings.ledger_url)
