"""Reading the settings: every source, every problem, one answer."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from midcall.contract.errors import ConfigError
from midcall.settings.checks import cross_checks
from midcall.settings.explain import Reading, sentences, shown_value
from midcall.settings.model import Settings
from midcall.settings.places import Place, find_origin, shown_file, shown_table
from midcall.settings.raw import RawTable
from midcall.settings.sources import (
    Layer,
    find_file,
    merge,
    names_in,
    read_arguments,
    read_environment,
    read_file,
    read_secrets,
)
from midcall.settings.variables import Known, unknown_tables

_RAW: Final = ("platforms", "accounts", "plugins")


def load_settings(
    *,
    config: Path | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    plugin_names: Iterable[str] = (),
) -> Settings:
    """The settings from, weakest first: defaults, the file, secrets files, variables, `overrides`.

    `config` is the file (else `MIDCALL_CONFIG`, else `midcall.toml` in the working folder; none at all is fine); `environ`
    stands in for `os.environ`; `overrides` has tables and keys as the file does. `plugin_names` are the installed plugins',
    so that `MIDCALL_ACCOUNTS__RETELL_POOL__API_KEY` finds the account `retell-pool` though no file names it.
    Raises ConfigError with every problem there is, each with file, key, variable and fix.
    """
    environ = os.environ if environ is None else environ
    file = find_file(config, environ)
    argued = read_arguments(overrides or {})
    filed = read_file(file) if file is not None else Layer()
    known = Known(merge([filed, argued]).values, frozenset(plugin_names))
    texts = [read_secrets(environ, known), read_environment(environ, known)]
    read = merge([filed, *texts, argued])
    base_dir = file.absolute().parent if file is not None else Path.cwd()
    if read.broken:  # what could not be read would be missing everywhere, and be reported as such
        raise ConfigError(*read.problems)
    problems = [*read.problems, *unknown_tables({**texts[0].origins, **texts[1].origins}, known)]
    settings = _checked(read, problems, file=file, base_dir=base_dir, environ=environ)
    if problems or settings is None:
        raise ConfigError(*problems)
    return settings


def _checked(
    read: Layer, problems: list[str], *, file: Path | None, base_dir: Path, environ: Mapping[str, str]
) -> Settings | None:
    """Settings from what was read; what is wrong is added to `problems`."""
    only = names_in(environ, "MIDCALL_PLUGINS")
    disabled = names_in(environ, "MIDCALL_DISABLE") or frozenset()
    reading = Reading(file, read.origins)
    given = {key: value for key, value in read.values.items() if key in Settings.model_fields}
    unknown = {key: value for key, value in read.values.items() if key not in given}
    problems += sentences(
        [{"type": "extra_forbidden", "loc": (key,), "msg": "", "input": None} for key in unknown],
        Settings,
        reading,
        given={},
    )
    for disagreement in cross_checks(given, only=only, disabled=disabled):
        value = _value_at(given, disagreement.place)
        problems.append(f"{reading.begin(disagreement.place)} is {shown_value(value)}: {disagreement.words}")
    if isinstance(given.get("tools"), Mapping):
        given["tools"] = _tools(given["tools"], reading, problems, base_dir=base_dir)
    for section in _RAW:
        if isinstance(given.get(section), Mapping):
            given[section] = {
                name: _raw(section, name, table, read) for name, table in given[section].items()
            }
    try:
        return Settings.loaded(given, source=file, base_dir=base_dir, only=only, disabled=disabled)
    except ValidationError as error:
        # Outside this clause, so that the error, which knows the values, is not kept as the context of what is raised.
        errors = error.errors(include_url=False)
    if problems:  # the model's own look at what agrees with what would only repeat these
        errors = [found for found in errors if found["type"] != "cross_check"]
    problems += sentences(errors, Settings, reading, given=given)
    return None


def _raw(section: str, name: str, table: Any, read: Layer) -> Any:
    if not isinstance(table, Mapping):
        return table
    place = (section, name)
    origins = {key[2:]: origin for key, origin in read.origins.items() if key[:2] == place}
    return RawTable(table, origins=origins)


def _tools(
    tables: Mapping[str, Any], reading: Reading, problems: list[str], *, base_dir: Path
) -> dict[str, Any]:
    """The tools that can be read, by key; what is wrong with the others is added to `problems`."""
    tools: dict[str, Any] = {}
    for key, written in tables.items():
        try:
            tools[key] = _tool(key, written, reading, base_dir=base_dir)
        except ConfigError as error:
            problems += error.problems
    return tools


def _tool(key: str, written: Any, reading: Reading, *, base_dir: Path) -> Any:
    """One tool, called like its key: read from the JSON file that is named, or from its table."""
    from midcall.tools import read_tool_file, tool_from_json

    place: Place = ("tools", key)
    if isinstance(written, str):
        if not written or not written.isprintable():
            raise ConfigError(f"{reading.begin(place)}: it must be the path of a JSON file, or a table.")
        try:
            return read_tool_file(base_dir / written, name=key)
        except ConfigError as error:
            problems = error.problems
        raise ConfigError(*(f"{reading.begin(place)}: {problem}" for problem in problems))
    if not isinstance(written, Mapping):
        return written
    texts = [str(o) for at, o in reading.origins.items() if at[:2] == place and o.is_text_only]
    origin = find_origin(reading.origins, place)
    begin = shown_file(reading.file) if origin is None or texts else origin
    also = f" (with {', '.join(texts)})" if texts else ""
    return tool_from_json(written, source=f"{begin}: {shown_table(place)}{also}", name=key)


def _value_at(values: Any, place: Place) -> Any:
    for part in place:
        values = values[part]
    return values
