"""Which setting a variable means: `MIDCALL_ACCOUNTS__MY_EU__AUTH_TOKEN` is `auth_token` of `[accounts.my-eu]`.

`__` stands between the parts. Case does not count, and `-` in a name is `_` in a variable, so names are looked for among
those the settings already have; a name they do not have makes a new table. A variable that means nothing is a mistake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from midcall.contract.tool import Tool
from midcall.settings.model import NumberSettings, Pool, Settings
from midcall.settings.near import nearest
from midcall.settings.places import (
    NAMED_TABLES,
    OTHER_VARIABLES,
    PLAIN_TABLES,
    PREFIX,
    Origin,
    Place,
    mask_variable,
    shown_name,
    shown_table,
    shown_variable,
    slug,
    variable_name,
)
from midcall.settings.shapes import keys_of, read_text, type_at

_MODELS: Final[Mapping[str, type[BaseModel]]] = {
    "numbers": NumberSettings,
    "pools": Pool,
    "tools": Tool,
}
_KIND: Final[Mapping[str, str]] = {"accounts": "carrier", "platforms": "platform"}
_NEAR: Final = 0.8


class NotASetting(Exception):
    """A variable means nothing. Its text is the rest of a sentence that begins with the variable's name."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the settings already have when variables are read: `values` by table and key, and installed plugins' names."""

    values: Mapping[str, Any]
    plugin_names: frozenset[str] = frozenset()

    def tables(self, section: str) -> list[str]:
        """Names a table of the section may have: those that are written down, then plugins known by name."""
        written = self.written(section)
        if section not in {"accounts", "platforms", "plugins"}:
            return written
        listed = [name for key in ("required_plugins", "order", "disable") for name in self._list(key)]
        return list(dict.fromkeys([*written, *listed, *sorted(self.plugin_names)]))

    def written(self, section: str) -> list[str]:
        """Names of the section's tables that are written down."""
        found = self.values.get(section)
        return list(found) if isinstance(found, Mapping) else []

    def inside(self, place: Place) -> Mapping[str, Any]:
        """The table at `place`, empty when there is none."""
        here: Any = self.values
        for part in place:
            here = here.get(part) if isinstance(here, Mapping) else None
        return here if isinstance(here, Mapping) else {}

    def _list(self, key: str) -> list[str]:
        found = self.values.get(key)
        return [name for name in found if isinstance(name, str)] if isinstance(found, (list, tuple)) else []


def place_of(variable: str, known: Known) -> Place:
    """The place of the setting that `variable` (which begins with `MIDCALL_`) means. Raises NotASetting."""
    rest = variable[len(PREFIX) :].lower()
    section, mark, inner = rest.partition("__")
    if section not in Settings.model_fields:
        raise NotASetting(f"there is no such setting.{_suggestion(variable, known)}")
    if section in NAMED_TABLES:
        return _in_named_table(variable, section, inner, known)
    if section == "templates":
        if not inner:
            raise NotASetting(f"[templates] is set text by text: {PREFIX}TEMPLATES__NAME.")
        return section, _name(section, inner, known)
    if section in PLAIN_TABLES:
        keys = keys_of(_model_of(section))
        if inner not in keys:
            raise NotASetting(_no_such_key((section,), inner, keys, variable, known))
        return section, inner
    if mark:
        raise NotASetting(f"`{section}` has nothing inside. Did you mean {PREFIX}{section.upper()}?")
    return (section,)


def value_of(text: str, place: Place) -> Any:
    """`text` as what the setting at `place` holds. What only a plugin understands stays text until the plugin reads it."""
    if place[0] == "tools":
        return read_text(text, type_at(Tool, place[2:])) if len(place) == 3 else text
    return read_text(text, type_at(Settings, place))


def unknown_tables(placed: Mapping[Place, Origin], known: Known) -> Iterator[str]:
    """Sentences about tables that only variables make, and whose name is nearly that of one which is written down.

    `placed`: every place that a variable or secrets file sets. Such a name is a slip, unless they also say which carrier
    or platform the new table is of.
    """
    for place, origin in placed.items():
        section, name = str(place[0]), str(place[1]) if len(place) > 1 else ""
        if section not in {"accounts", "platforms", "plugins"} or name in known.tables(section):
            continue
        kind = _KIND.get(section)
        if kind is not None and (section, name, kind) in placed:
            continue
        match = nearest(name, known.written(section), cutoff=_NEAR)
        if match is None:
            continue
        meant = shown_variable((section, match, *place[2:]))
        way = (
            f"If it is another, set {shown_variable((section, name, kind))} too."
            if kind is not None
            else f"If it is another, write {shown_table((section, name))} in the settings file."
        )
        yield f"{origin}: there is no {shown_table((section, name))}. Did you mean {meant}? {way}"


def _model_of(section: str) -> type[BaseModel]:
    annotation = Settings.model_fields[section].annotation
    assert isinstance(annotation, type)
    assert issubclass(annotation, BaseModel)
    return annotation


def _in_named_table(variable: str, section: str, inner: str, known: Known) -> Place:
    name, keys = _split_name(section, inner, known)
    if not name or not all(keys) or not keys:
        raise NotASetting(
            f"it names a whole table. Its keys are set one by one: {PREFIX}{section.upper()}__NAME__KEY."
        )
    table = (section, name)
    model = _MODELS.get(section)
    if model is not None:
        allowed = [*keys_of(model), *known.inside(table)]
        spelt = {slug(key): key for key in reversed(allowed)}
        if keys[0] not in spelt or (section != "tools" and len(keys) > 1):
            raise NotASetting(_no_such_key(table, "__".join(keys), keys_of(model), variable, known))
    place: Place = table
    for key in keys:
        place = (*place, next((name for name in known.inside(place) if slug(name) == key), key))
    return place


def _split_name(section: str, inner: str, known: Known) -> tuple[str, list[str]]:
    """The table's name and the keys after it. A name with `__` in it is found when the settings have it."""
    names = known.tables(section)
    matches = [slug(name) for name in names if inner == slug(name) or inner.startswith(slug(name) + "__")]
    if matches:
        longest = max(matches, key=len)
        rest = inner[len(longest) + 2 :]
        return _name(section, longest, known), rest.split("__") if rest else []
    name, *keys = inner.split("__")
    return ("+" + name if section == "numbers" and name.isdigit() else name), keys


def _name(section: str, spelt: str, known: Known) -> str:
    """The name that is `spelt` in a variable: one that is written down, else a plugin's, else a new one."""
    for names in (known.written(section), known.tables(section)):
        found = [name for name in names if slug(name) == spelt]
        if len(found) > 1:
            both = " and ".join(shown_name(name) for name in found[:2])
            raise NotASetting(f"it could mean {both} of {section}, alike in a variable. Rename one of them.")
        if found:
            return found[0]
    return spelt


def _no_such_key(table: Place, key: str, keys: Iterable[str], variable: str, known: Known) -> str:
    match = nearest(key, keys)
    hint = f" Did you mean {shown_variable((*table, match))}?" if match else ""
    if not hint:
        hint = _suggestion(variable, known) or f" It knows: {', '.join(sorted(keys))}."
    return f"{shown_table(table)} has no key {shown_name(key)}.{hint}"


def _suggestion(variable: str, known: Known) -> str:
    """` Did you mean ...?`: the nearest of all variables that would mean something."""
    rest = variable[len(PREFIX) :].lower()
    first, mark, inner = rest.partition("__")
    section = nearest(first, Settings.model_fields) if mark else None
    if section is not None:
        return f" Did you mean {mask_variable(f'{PREFIX}{section}__{inner}'.upper())}?"
    places = [place for name in Settings.model_fields for place in _places(name, known)]
    match = next(
        (variable_name(place) for place in places if place[0] in PLAIN_TABLES and place[-1] == rest), None
    )
    if match is None:
        # Compared without what all of them begin with, which would make everything look alike.
        names = {name[len(PREFIX) :]: name for name in (*OTHER_VARIABLES, *map(variable_name, places))}
        found = nearest(rest, names, cutoff=_NEAR)
        match = None if found is None else names[found]
    return " Correct its name, or unset it." if match is None else f" Did you mean {mask_variable(match)}?"


def _places(section: str, known: Known) -> Iterator[Place]:
    if section in NAMED_TABLES:
        for name in known.tables(section):
            keys = [*known.inside((section, name)), *keys_of(_MODELS.get(section, BaseModel))]
            yield from ((section, name, key) for key in keys)
    elif section == "templates":
        yield from ((section, name) for name in known.tables(section))
    elif section in PLAIN_TABLES:
        yield from ((section, key) for key in keys_of(_model_of(section)))
    else:
        yield (section,)
