"""Where a setting stands: its table and key in `midcall.toml`, its environment variable, and where its value came from.

A place is a tuple of names, `("accounts", "eu", "auth_token")`, with the index of an entry where a list is entered. What
is shown to a person hides the middle of phone numbers; `variable_name` alone is exact, and is for looking up.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from midcall.numbers import mask

Place: TypeAlias = tuple[str | int, ...]

PREFIX: Final = "MIDCALL_"
FILE_NAME: Final = "midcall.toml"

NAMED_TABLES: Final = frozenset({"platforms", "accounts", "numbers", "pools", "tools", "plugins"})
"""Sections made of named tables: `[accounts.eu]`."""

PLAIN_TABLES: Final = frozenset({"server", "templates", "hooks"})
"""Sections that are one table."""

HOST_KEYS: Final[Mapping[str, Mapping[str, str]]] = {
    "accounts": {
        "carrier": "The carrier, when it is not the table's own name.",
        "unchecked_sender": (
            "What happens to a text when its sender could not be looked up in time: `allow` (the carrier still refuses what it will "
            "not carry) or `deny` (the next sender is tried)."
        ),
    },
    "platforms": {"platform": "The platform, when it is not the table's own name."},
}
"""Keys of a plugin's table that are the host's, not the plugin's, and what they mean."""

OTHER_VARIABLES: Final[Mapping[str, str]] = {
    "MIDCALL_CONFIG": f"The settings file, when it is not `{FILE_NAME}` in the working folder.",
    "MIDCALL_SECRETS_DIR": "A folder of files, each named like a variable and holding its value.",
    "MIDCALL_PLUGINS": "Load only these plugins (names, with commas between). Empty or unset: all that are installed.",
    "MIDCALL_DISABLE": "Do not load these plugins (names, with commas between).",
    "MIDCALL_TRACEBACK": "Set to anything: the command line shows where it failed, for a report of a fault in Midcall.",
}
"""Variables that are no setting, and what they are for."""

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NUMBER: Final = re.compile(r"\+?\d{7,}")
_LONGEST_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from: `name` is the file's, the variable's or the secrets file's, as a person knows it."""

    kind: Literal["file", "variable", "secrets file", "argument"]
    name: str

    @property
    def is_text_only(self) -> bool:
        """Whether the source can only hold text, so that lists and tables arrive written out."""
        return self.kind in {"variable", "secrets file"}

    def __str__(self) -> str:
        return f"secrets file {self.name}" if self.kind == "secrets file" else self.name


def find_origin(origins: Mapping[Place, Origin], place: Place) -> Origin | None:
    """Where the value at `place` came from; that of the table around it, or of what is inside it, if that is all there is."""
    for length in range(len(place), 0, -1):
        if place[:length] in origins:
            return origins[place[:length]]
    inside = (origin for key, origin in origins.items() if key[: len(place)] == place)
    return next(inside, None)


def shown_file(file: Path | None) -> str:
    """The file as a person would name it from the working folder; `midcall.toml` when there is none."""
    if file is None:
        return FILE_NAME
    try:
        shown = str(file.relative_to(Path.cwd()))
    except (ValueError, OSError):
        shown = str(file)
    return shown if shown.isprintable() else ascii(shown)


def slug(name: str) -> str:
    """A name as it stands in a variable, in lower case: `my-eu` is `my_eu`, `+12025550100` is `12025550100`."""
    return "".join(char if char.isalnum() else "_" for char in name.lower().removeprefix("+"))


def variable_name(place: Place) -> str:
    """The variable that sets `place`: `MIDCALL_ACCOUNTS__EU__AUTH_TOKEN`. Not for showing: it may hold a phone number."""
    return PREFIX + "__".join(slug(part).upper() for part in place if isinstance(part, str))


def shown_variable(place: Place) -> str:
    """`variable_name`, fit for showing."""
    return mask_variable(variable_name(place))


def mask_variable(name: str) -> str:
    """A variable's name on one line, with the middle of a phone number in it hidden."""
    shown = "__".join(mask(part) if _NUMBER.fullmatch(part) else part for part in name.split("__"))
    return shown if shown.isprintable() else ascii(shown)


def shown_name(name: str) -> str:
    """A name as TOML would have it, on one line, not too long, phone numbers hidden in the middle."""
    if _NUMBER.fullmatch(name):
        return f'"{mask(name)}"'
    if _BARE_KEY.fullmatch(name):
        return name
    short = name if len(name) <= _LONGEST_NAME else name[:_LONGEST_NAME] + "…"
    return json.dumps(short, ensure_ascii=not short.isprintable())


def shown_table(place: Place) -> str:
    """`[accounts.eu]` for everything in that table; empty for what stands above the tables."""
    table = place[: _table_length(place)]
    return f"[{'.'.join(shown_name(str(part)) for part in table)}]" if table else ""


def shown_key(place: Place) -> str:
    """The key within its table: `auth_token`, `retry.limit`, `fallback (entry 2)`; empty for the table itself."""
    key = place[_table_length(place) :]
    words = ".".join(shown_name(part) for part in key if isinstance(part, str))
    entries = "".join(f" (entry {part + 1})" for part in key if isinstance(part, int))
    return words + entries


def shown_place(place: Place) -> str:
    """Table and key: `[accounts.eu] auth_token`."""
    return " ".join(part for part in (shown_table(place), shown_key(place)) if part)


def leaves(values: Mapping[str, object], before: Place = ()) -> Iterator[Place]:
    """The place of every value that is not a table; an empty table counts as a value."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*before, key))
        else:
            yield (*before, key)


def _table_length(place: Place) -> int:
    if not place:
        return 0
    if place[0] in NAMED_TABLES:
        return min(2, len(place))
    return 1 if place[0] in PLAIN_TABLES else 0
