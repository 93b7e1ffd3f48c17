"""Every setting in a row, made from the model itself, for the documentation."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from midcall.contract.tool import Tool
from midcall.settings.model import NumberSettings, Pool, Settings
from midcall.settings.places import HOST_KEYS, NAMED_TABLES, OTHER_VARIABLES, PREFIX
from midcall.settings.raw import RawTable

_WORDS: Final[Mapping[Any, str]] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    SecretStr: "secret text",
    RawTable: "table",
    Tool: "table, or path of a JSON file",
}
_ENTRIES: Final[Mapping[str, type[BaseModel]]] = {"numbers": NumberSettings, "pools": Pool}
_HOST_DEFAULTS: Final[Mapping[str, str]] = {"unchecked_sender": "allow"}


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting: its `key` in the file (empty for what is a variable only), type, default, variable, and meaning."""

    key: str
    type: str
    default: str
    variable: str
    meaning: str


def settings_reference() -> list[SettingRow]:
    """A row for every setting, in the order of the model, then for every variable that is for no key of the file."""
    rows = [row for name, field in Settings.model_fields.items() for row in _rows(name, field)]
    explained = {row.variable for row in rows}
    return rows + [
        SettingRow("", "text", "unset", name, meaning)
        for name, meaning in OTHER_VARIABLES.items()
        if name not in explained
    ]


def _rows(name: str, field: FieldInfo) -> Iterator[SettingRow]:
    meaning = field.description or ""
    model = field.annotation
    if isinstance(model, type) and issubclass(model, BaseModel):
        for key, inner in model.model_fields.items():
            yield _row(f"{name}.{key}", inner)
    elif name in _ENTRIES:
        table = f"{name}.{'NUMBER' if name == 'numbers' else 'NAME'}"
        yield SettingRow(table, "table", "none", "", meaning)
        for key, inner in _ENTRIES[name].model_fields.items():
            yield _row(f"{table}.{key}", inner)
    elif name in NAMED_TABLES:
        yield SettingRow(
            f"{name}.NAME", _type_words(field.annotation), "none", _variable(f"{name}.NAME.KEY"), meaning
        )
        for own, words in HOST_KEYS.get(name, {}).items():
            key = f"{name}.NAME.{own}"
            yield SettingRow(key, "text", _HOST_DEFAULTS.get(own, "NAME"), _variable(key), words)
    elif name == "templates":
        yield SettingRow("templates.NAME", "text", "none", _variable("templates.NAME"), meaning)
    else:
        yield _row(name, field)


def _row(key: str, field: FieldInfo) -> SettingRow:
    return SettingRow(
        key, _type_words(field.annotation), _default(field), _variable(key), field.description or ""
    )


def _variable(key: str) -> str:
    return PREFIX + key.replace(".", "__").upper()


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default is None:
        return "unset"
    return "none" if field.default == () else str(field.default)


def _type_words(annotation: Any) -> str:
    if annotation in _WORDS:
        return _WORDS[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type_words(arguments[0])
    if origin is Literal:
        return " or ".join(f"`{argument}`" for argument in arguments)
    if origin in {Union, types.UnionType}:
        return " or ".join(_type_words(argument) for argument in arguments if argument is not types.NoneType)
    if origin is tuple:
        return "list of text"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _type_words(arguments[1])
    raise TypeError(f"no words for the type {annotation!r} of a setting: add them to _WORDS")
