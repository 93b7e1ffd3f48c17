"""Where settings come from. Weakest first: the file, secrets files, variables, arguments.

pydantic-settings checks the settings (`model.py`), but does not read them: its sources skip a file that cannot be seen,
take `os.environ` only, pass over misspelt variables, and forget where a value came from, which every error has to say.
Each source here is a `Layer`: values by table and key, and the origin of each.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from midcall.settings.places import (
    FILE_NAME,
    OTHER_VARIABLES,
    PREFIX,
    Origin,
    Place,
    find_origin,
    leaves,
    mask_variable,
    shown_file,
    shown_place,
)
from midcall.settings.variables import Known, NotASetting, place_of, value_of

_LARGEST_FILE: Final = 4 * 1_048_576
_LARGEST_SECRET: Final = 65_536
_DEEPEST: Final = 16
_LINE: Final = re.compile(
    r"\s*\(at (?:line (?P<line>\d+), column (?P<column>\d+)|(?P<end>end of document))\)$"
)


@dataclass(slots=True)
class Layer:
    """What one source says; `problems` are sentences about what it says wrongly. `broken`: it could not be read at all."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[Place, Origin] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    broken: bool = False


def find_file(config: Path | str | None, environ: Mapping[str, str]) -> Path | None:
    """The settings file: the one named, or that of `MIDCALL_CONFIG`, or `midcall.toml` in the working folder if it is there."""
    named = config if config is not None else lookup(environ, "MIDCALL_CONFIG")
    if named is not None:
        return Path(named)
    here = Path(FILE_NAME)
    return here if os.path.lexists(here) else None


def read_file(file: Path) -> Layer:
    """The file's layer. Whatever keeps it from being read is a problem with the fix in it."""
    shown = shown_file(file)
    try:
        values = tomllib.loads(_text(file, _LARGEST_FILE))
    except UnicodeDecodeError as error:
        words = f"{shown}: it is not text in UTF-8 (at byte {error.start + 1}). Save it as UTF-8."
    except tomllib.TOMLDecodeError as error:
        words = _syntax(shown, error)
    except FileNotFoundError:
        words = f"{shown}: there is no such file. Name another with --config or MIDCALL_CONFIG, or unset MIDCALL_CONFIG."
    except IsADirectoryError:
        words = f"{shown}: it is a folder. Name the file in it: {shown}/{FILE_NAME}."
    except OSError as error:
        words = (
            f"{shown}: it cannot be read ({error.strerror or type(error).__name__}). Check who may read it."
        )
    except (ValueError, RecursionError):
        words = f"{shown}: it is not a settings file: too large, nested too deeply, or a number with too many digits."
    else:
        if not too_deep(values):
            origin = Origin("file", shown)
            return Layer(values, dict.fromkeys(leaves(values), origin))
        words = f"{shown}: its tables are nested too deeply. No setting is more than {_DEEPEST} levels deep."
    return Layer(problems=[words], broken=True)


def read_arguments(overrides: Mapping[str, Any]) -> Layer:
    """The layer of what the program itself passes: tables and keys as in the file."""
    if too_deep(overrides):
        return Layer(problems=[f"argument: no setting is more than {_DEEPEST} levels deep."], broken=True)
    values = _plain(overrides)
    return Layer(values, dict.fromkeys(leaves(values), Origin("argument", "argument")))


def read_environment(environ: Mapping[str, str], known: Known) -> Layer:
    """The layer of `MIDCALL_...` variables. Empty ones count as unset: that is what compose files make of unset ones."""
    named = {
        name: text
        for name, text in environ.items()
        if name.upper().startswith(PREFIX) and name.upper() not in OTHER_VARIABLES and text.strip()
    }
    return _from_texts(named, known, kind="variable", shown=mask_variable)


def read_secrets(environ: Mapping[str, str], known: Known) -> Layer:
    """The layer of the files in `MIDCALL_SECRETS_DIR` that are named like variables; others are left alone."""
    where = lookup(environ, "MIDCALL_SECRETS_DIR")
    if where is None:
        return Layer()
    folder = Path(where)
    try:
        files = sorted(
            file for file in folder.iterdir() if file.name.upper().startswith(PREFIX) and not file.is_dir()
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        words = f"MIDCALL_SECRETS_DIR: {shown_file(folder)} cannot be listed ({reason}). Name a folder, or unset it."
        return Layer(problems=[words], broken=True)
    texts: dict[str, str] = {}
    problems: list[str] = []
    for file in files:
        try:
            text = _text(file, _LARGEST_SECRET).strip()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "too large, or not text in UTF-8"
            problems.append(
                f"secrets file {shown_file(file)}: it cannot be read ({reason}). Mend or remove it."
            )
            continue
        if text:
            texts[file.name] = text
        else:
            problems.append(
                f"secrets file {shown_file(file)}: it is empty. Write the value into it, or remove it."
            )
    layer = _from_texts(
        texts, known, kind="secrets file", shown=lambda name: shown_file(folder / mask_variable(name))
    )
    layer.problems[:0] = problems
    return layer


def merge(layers: Iterable[Layer]) -> Layer:
    """One layer of all, the later over the earlier, table by table and key by key. Lists are replaced, not joined."""
    merged = Layer()
    for layer in layers:
        merged.problems += layer.problems
        merged.broken = merged.broken or layer.broken
        _merge_into(merged, layer, layer.values, ())
        merged.origins.update(layer.origins)
    # What a stronger layer replaced with something else is gone, and so is where it came from.
    here = set(leaves(merged.values))
    merged.origins = {place: origin for place, origin in merged.origins.items() if place in here}
    return merged


def lookup(environ: Mapping[str, str], name: str) -> str | None:
    """A variable's text, whatever the case of its name; None when it is unset or empty."""
    text = environ.get(name)
    if text is None:
        text = next((value for key, value in environ.items() if key.upper() == name), None)
    return text.strip() or None if text is not None else None


def names_in(environ: Mapping[str, str], name: str) -> frozenset[str] | None:
    """The names in a variable that lists plugins, or None when it is unset or empty."""
    text = lookup(environ, name)
    if text is None:
        return None
    return frozenset(entry.strip(" \t\"'") for entry in text.strip("[]").split(",") if entry.strip(" \t\"'"))


def too_deep(values: Mapping[str, Any]) -> bool:
    """Whether tables and lists are nested deeper than any setting. Walks without recursion, which depth would break."""
    level: list[Any] = [values]
    for _ in range(_DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, Mapping) else outer)
            if isinstance(inner, (Mapping, list, tuple))
        ]
        if not level:
            return False
    return True


def _text(file: Path, largest: int) -> str:
    with file.open("rb") as stream:
        content = stream.read(largest + 1)
    if len(content) > largest:
        raise ValueError("too large")
    return content.decode("utf-8-sig")  # editors on Windows put a mark before the first character


def _syntax(shown: str, error: tomllib.TOMLDecodeError) -> str:
    found = _LINE.search(str(error))
    if found is None:
        return f"{shown}: {error}. Correct the TOML there."
    where = "at its end" if found["end"] else f"line {found['line']}, column {found['column']}"
    words = str(error)[: found.start()]
    return f"{shown}, {where}: {words[:1].lower()}{words[1:]}. Correct the TOML there."


def _from_texts(
    texts: Mapping[str, str], known: Known, *, kind: Literal["variable", "secrets file"], shown: Any
) -> Layer:
    layer = Layer()
    placed: dict[str, Place] = {}
    for name, text in texts.items():
        origin = Origin(kind, shown(name))
        try:
            place = place_of(name, known)
        except NotASetting as problem:
            layer.problems.append(f"{origin}: {problem}")
            continue
        twin = next((other for other, taken in placed.items() if taken == place), None)
        if twin is not None:
            layer.problems.append(f"{origin}: it means the same as {shown(twin)}. Unset one of the two.")
            continue
        placed[name] = place
        if _put(layer.values, place, value_of(text, place)):
            layer.origins[place] = origin
        else:
            layer.problems.append(
                f"{origin}: another of its kind sets {shown_place(place[:-1])} as a whole. Unset one."
            )
    return layer


def _put(values: dict[str, Any], place: Place, value: Any) -> bool:
    """Set a value; False when something on the way, or in its place, is not what it would have to be."""
    here = values
    *tables, last = (str(part) for part in place)
    for part in tables:
        inner = here.setdefault(part, {})
        if not isinstance(inner, dict):
            return False
        here = inner
    if last in here:
        return False
    here[last] = value
    return True


def _merge_into(merged: Layer, layer: Layer, values: Mapping[str, Any], before: Place) -> None:
    here: dict[str, Any] = merged.values
    for part in before:
        here = here[str(part)]
    for key, value in values.items():
        place = (*before, key)
        weaker = here.get(key)
        if isinstance(value, Mapping) and isinstance(weaker, dict):
            _merge_into(merged, layer, value, place)
        elif isinstance(value, Mapping) and isinstance(weaker, str) and before == ("tools",):
            merged.problems.append(
                f"{find_origin(layer.origins, place)}: {shown_place(place)} is the path of a JSON file. Change the tool "
                f"in that file, or write it as a table."
            )
        else:
            here[key] = _plain(value) if isinstance(value, Mapping) else value


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {str(key): _plain(value) if isinstance(value, Mapping) else value for key, value in values.items()}
