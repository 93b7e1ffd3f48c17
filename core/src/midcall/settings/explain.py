"""A plugin's table, checked by the plugin's own class, and pydantic's errors as sentences a person can act on.

Every sentence names the file, the table and key, the variable, and what to do. The value is repeated, shortened, only when
neither its key nor its type says that it is a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from midcall.contract.errors import ConfigError
from midcall.numbers import mask
from midcall.settings.near import did_you_mean, nearest
from midcall.settings.places import (
    HOST_KEYS,
    PREFIX,
    Origin,
    Place,
    find_origin,
    shown_file,
    shown_key,
    shown_name,
    shown_place,
    shown_table,
    shown_variable,
    variable_name,
)
from midcall.settings.raw import RawTable
from midcall.settings.shapes import is_secret, key_of, keys_of, model_at, read_text, type_at
from midcall.settings.values import without_password

M = TypeVar("M", bound=BaseModel)

_NEAR: Final = 0.85
_LONGEST: Final = 40
_NUMBER: Final = re.compile(r"\+?\d{7,15}")
_PASTED: Final = re.compile(
    r"(?=\S*\d)(?=\S*[A-Za-z])[A-Za-z0-9+/=_.-]{20,}"
)  # looks like a token in the wrong place
_WORDS: Final[Mapping[str, str]] = {
    "string_type": "it must be text in quotes",
    "int_type": "it must be a whole number",
    "int_parsing": "it must be a whole number",
    "int_from_float": "it must be a whole number",
    "int_parsing_size": "it must be a smaller number",
    "finite_number": "it must be a number that is not infinite",
    "float_type": "it must be a number",
    "float_parsing": "it must be a number",
    "bool_type": "it must be true or false",
    "bool_parsing": "it must be true or false",
    "tuple_type": "it must be a list",
    "list_type": "it must be a list",
    "set_type": "it must be a list",
    "frozen_set_type": "it must be a list",
    "dict_type": "it must be a table",
    "mapping_type": "it must be a table",
    "model_type": "it must be a table",
    "model_attributes_type": "it must be a table",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known about the table a sentence is about: the file's name, origins by place, and near variables."""

    file: Path | None
    origins: Mapping[Place, Origin]
    customary: Mapping[Place, str] = field(default_factory=dict)
    """By place, the customary variable that may hold its value."""
    hints: Mapping[Place, str] = field(default_factory=dict)
    """By place, what the environment suggests when the value is missing: `(TWILIO_AUTH_TOKN is set; is it misspelt?)`."""

    def begin(self, place: Place) -> str:
        """What a sentence begins with: where the value came from, then table and key."""
        return f"{find_origin(self.origins, place) or shown_file(self.file)}: {shown_place(place)}"

    def fix(self, place: Place) -> str:
        """What to do about a value."""
        origin = find_origin(self.origins, place)
        # A key inside a list has no variable of its own; the list has.
        upto = next((index for index, part in enumerate(place) if isinstance(part, int)), len(place))
        key = shown_key(place[:upto])
        table = shown_table(place)
        under = f" under {table}" if table else ""
        if origin is not None and origin.is_text_only and key:
            return f"Change it, or unset it and write {key}{under} in {shown_file(self.file)}."
        if origin is not None and origin.kind == "argument":
            return "Change what is passed."
        if not key:
            return f"Write {table} on a line of its own, and its keys below it."
        return f"Change it there, or set {shown_variable(place[:upto])}."


def validate(
    model: type[M],
    raw: Mapping[str, Any],
    *,
    where: str,
    file: Path | None,
    environ: Mapping[str, str],
    customary: Mapping[str, str] | None = None,
    use_customary: bool,
) -> M:
    """The table `raw`, checked by `model`, the class of the plugin it belongs to.

    `where` is its place, `accounts.eu`; the host's own keys in it are left out of the check. `customary`
    maps a field to the variable people already have for it; with `use_customary`, which is for the table named like its
    plugin, it fills a field that nothing else sets.
    Raises ConfigError with every problem: file, key, variable and fix. No secret is in it.
    """
    section, _, name = where.partition(".")
    table: Place = (section, name)
    given = raw.plain() if isinstance(raw, RawTable) else dict(raw)
    for key in HOST_KEYS.get(section, {}):
        if key not in keys_of(model):
            given.pop(key, None)
    usual = {key_of(model, field): variable for field, variable in (customary or {}).items()}
    origins = _origins(raw, given, table, environ)
    if use_customary:
        for key, variable in usual.items():
            if key not in given and environ.get(variable, "").strip():
                given[key] = environ[variable]
                origins[(*table, key)] = Origin("variable", variable)
    _read_texts(model, given, table, origins)
    try:
        return model.model_validate(given)
    except ValidationError as error:
        # `hide_input_in_errors` is the plugin's to choose, so the error itself may show secrets: only its parts go on.
        errors = error.errors(include_url=False)
    reading = Reading(
        file,
        origins,
        {(*table, key): variable for key, variable in usual.items()} if use_customary else {},
        _hints(model, table, usual, environ, use_customary=use_customary),
    )
    raise ConfigError(*sentences(errors, model, reading, table=table, given=given))


def sentences(
    errors: Iterable[ErrorDetails],
    model: type[BaseModel],
    reading: Reading,
    *,
    table: Place = (),
    given: Mapping[str, Any],
) -> list[str]:
    """Pydantic's `errors` about the table at `table`, checked by `model`, as sentences without repetition."""
    secrets = sorted(_secret_texts(model, given, ()), key=len, reverse=True)
    return list(dict.fromkeys(_sentence(error, model, reading, table, secrets) for error in errors))


def shown_value(value: object) -> str:
    """A value that is not known to be secret, short, on one line: what looks like a token or a phone number is cut."""
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, (list, tuple, set, frozenset)):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value) if value.bit_length() < 128 else "a very long number"
    if not isinstance(value, str):
        return str(value)[:_LONGEST] if isinstance(value, float) else f"a {type(value).__name__}"
    text = without_password(value)
    if _NUMBER.fullmatch(text):
        text = mask(text)
    elif _PASTED.fullmatch(text):
        text = text[:4] + "…"
    elif len(text) > _LONGEST:
        text = text[: _LONGEST - 10] + "…"
    return f'"{text}"' if text.isprintable() else ascii(text)


def _sentence(
    error: ErrorDetails, model: type[BaseModel], reading: Reading, table: Place, secrets: list[str]
) -> str:
    is_about_a_name = error["loc"][-1:] == ("[key]",) and error["type"] != "extra_forbidden"
    inner = error["loc"][:-1] if is_about_a_name else error["loc"]
    place = (*table, *inner)
    if error["type"] == "missing":
        return _missing(place, reading)
    if error["type"] == "extra_forbidden":
        return _unknown(place, reading, model_at(model, inner[:-1]))
    words = _requirement(error)
    for secret in secrets:
        words = words.replace(secret, "•••")
    if is_about_a_name:
        return f"{reading.begin(place)}: {words}. Correct the table's name."
    if not inner:
        return f"{reading.begin(place)}: {words}. Change it there."
    value = "" if is_secret(model, inner) else f" is {shown_value(error['input'])}"
    return f"{reading.begin(place)}{value}: {words}. {reading.fix(place)}"


def _requirement(error: ErrorDetails) -> str:
    known = _WORDS.get(error["type"])
    if known is not None:
        return known
    if error["type"] in {"string_too_short", "too_short"} and error.get("ctx", {}).get("min_length") == 1:
        return "it must not be empty"
    if error["type"] in {"value_error", "assertion_error"}:
        words = str(error.get("ctx", {}).get("error", error["msg"]))
    else:
        words = error["msg"].replace("Input should be", "it must be", 1)
        words = words.replace("valid tuple", "list").replace("valid dictionary", "table")
    return " ".join(words.split()).rstrip(".") or "it is not right"


def _missing(place: Place, reading: Reading) -> str:
    ways = ["set it there", shown_variable(place)]
    if place in reading.customary:
        ways.append(reading.customary[place])
    begin = f"{shown_file(reading.file)}: " if reading.file is not None else ""
    if reading.file is None:
        ways[0] = f"set it in {shown_file(None)}"
    hint = reading.hints.get(place)
    return (
        f"{begin}{shown_table(place) or 'the settings'} {'needs' if place else 'need'} {shown_key(place)}: "
        f"{', or '.join(ways)}.{' ' + hint if hint else ''}"
    )


def _unknown(place: Place, reading: Reading, model: type[BaseModel] | None) -> str:
    origin = find_origin(reading.origins, place)
    known = list(keys_of(model)) if model is not None else []
    name = str(place[-1])
    table = shown_table(place) if shown_key(place) else ""
    match = nearest(name, known)
    if match is not None and origin is not None and origin.is_text_only:
        hint = f" Did you mean {shown_variable((*place[:-1], match))}?"
    else:
        hint = did_you_mean(name, known)
    if not hint:
        hint = f" It knows: {', '.join(known)}." if known else " Remove it."
    begin = origin or shown_file(reading.file)
    what = f"{table} has no key {shown_key(place)}" if table else f"there is no setting {shown_name(name)}"
    return f"{begin}: {what}.{hint}"


def _origins(
    raw: Mapping[str, Any], given: Mapping[str, Any], table: Place, environ: Mapping[str, str]
) -> dict[Place, Origin]:
    """Origins by whole place. A table that was not loaded does not know them: then the variables that are set tell."""
    if isinstance(raw, RawTable) and raw.origins:
        return {(*table, *place): origin for place, origin in raw.origins.items()}
    by_name = {name.upper(): name for name, text in environ.items() if text.strip()}
    names = {key: by_name.get(variable_name((*table, key))) for key in given}
    return {(*table, key): Origin("variable", name) for key, name in names.items() if name is not None}


def _read_texts(
    model: type[BaseModel], given: dict[str, Any], table: Place, origins: Mapping[Place, Origin]
) -> None:
    """Text from variables and secrets files, as what the model's keys hold."""
    for place, origin in origins.items():
        inner = place[len(table) :]
        if not origin.is_text_only or not inner:
            continue
        here: Any = given
        for part in inner[:-1]:
            here = here.get(part) if isinstance(here, dict) else None
        if isinstance(here, dict) and isinstance(here.get(inner[-1]), str):
            here[inner[-1]] = read_text(here[inner[-1]], type_at(model, inner))


def _hints(
    model: type[BaseModel],
    table: Place,
    usual: Mapping[str, str],
    environ: Mapping[str, str],
    *,
    use_customary: bool,
) -> dict[Place, str]:
    """For every key, what the environment suggests if the key turns out to be missing."""
    right = {variable_name((*table, key)) for key in keys_of(model)} | set(usual.values())
    # Variables that begin with MIDCALL_ are all known to mean something, or reported before this.
    others = [
        name
        for name, text in environ.items()
        if name.upper() not in right and not name.upper().startswith(PREFIX) and text.strip()
    ]
    hints: dict[Place, str] = {}
    for key in keys_of(model):
        wanted = [variable_name((*table, key)), *([usual[key]] if key in usual else [])]
        empty = next((name for name in wanted if name in environ and not environ[name].strip()), None)
        if not use_customary and key in usual and environ.get(usual[key], "").strip():
            hints[(*table, key)] = (
                f"({usual[key]} is set, but counts only for the table named like its plugin.)"
            )
            continue
        if empty is not None:
            hints[(*table, key)] = f"({empty} is set but empty.)"
            continue
        near = next((match for name in wanted if (match := nearest(name, others, cutoff=_NEAR))), None)
        if near is not None:
            hints[(*table, key)] = f"({near} is set; is it misspelt?)"
    return hints


def _secret_texts(model: type[BaseModel], given: Any, place: Place) -> set[str]:
    """Secret texts in `given`, so that a plugin's own words about them can be kept from repeating them."""
    if isinstance(given, Mapping):
        return {
            text for key, value in given.items() for text in _secret_texts(model, value, (*place, str(key)))
        }
    if isinstance(given, (list, tuple)):
        return {
            text for index, value in enumerate(given) for text in _secret_texts(model, value, (*place, index))
        }
    text = (
        given.get_secret_value()
        if isinstance(given, SecretStr)
        else str(given)
        if isinstance(given, str)
        else ""
    )
    return {text} if len(text) >= 4 and (is_secret(model, place) or isinstance(given, SecretStr)) else set()
