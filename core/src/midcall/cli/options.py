"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from midcall.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])


def config_option(command: F) -> F:
    """`--config FILE`."""
    return click.option(
        "--config", type=click.Path(path_type=Path), help="Settings file; midcall.toml here if not given."
    )(command)


def json_option(command: F) -> F:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")(command)


def settings_from(config: Path | None) -> Settings:
    """The settings, or a `ConfigError` that says what is wrong with them."""
    from midcall.settings import load_settings

    return load_settings(config=config)


def e164(number: str) -> str:
    """A number as a person typed it, in E.164. Raises `click.BadParameter`."""
    from midcall.numbers import NumberError, parse_number

    try:
        return parse_number(number).e164
    except NumberError as error:
        raise click.BadParameter(
            f"{error}. Write it in full, such as +12025550142.", param_hint="NUMBER"
        ) from None
