"""Any value as plain text or plain JSON types: for what plugins, carriers and models hand over and a file must take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_DEEPEST = 20
_MOST_VALUES = 10_000
_LEFT_OUT = "…"


def whole(text: str) -> str:
    """`text` with U+FFFD for every lone half of a surrogate pair, which no database, socket or terminal takes."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def text_of(value: object) -> str:
    """`value` as text that can be stored. Never raises: what has no text of its own is named by its class."""
    if isinstance(value, str):
        return whole(str.__str__(value))
    try:
        return whole(str(value))
    except Exception:  # noqa: BLE001 - any class may define __str__, and define it badly
        return f"<{type(value).__name__}>"


def plain(value: object) -> Any:
    """A copy of `value` in JSON's own types. Never raises.

    Keys become text, bytes become their length, what JSON has no type for becomes its text. A value inside itself, one deeper
    than 20 levels, and what comes after 10,000 values are left out and replaced by "…".
    """
    return _Copying().copy(value, inside=())


class _Copying:
    """One copy under way: how many values it has so far."""

    def __init__(self) -> None:
        self._values = 0

    def copy(self, value: object, inside: tuple[int, ...]) -> Any:
        """`inside` is the identity of every container around the value."""
        self._values += 1
        if self._values > _MOST_VALUES or len(inside) > _DEEPEST or id(value) in inside:
            return _LEFT_OUT
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, (bytes, bytearray, memoryview)):
            return f"<{len(value)} bytes>"
        try:
            return self._number_or_container(value, (*inside, id(value)))
        except Exception:  # noqa: BLE001 - a plugin's mapping may raise from anything it is asked
            return f"<{type(value).__name__}>"

    def _number_or_container(self, value: object, inside: tuple[int, ...]) -> Any:
        if isinstance(value, int):
            # Python refuses to write more than 4300 digits, in JSON too.
            return int(value) if value.bit_length() <= 1_024 else f"<an integer of {value.bit_length()} bits>"
        if isinstance(value, float):
            return float(value)
        if isinstance(value, Mapping):
            copied: dict[str, Any] = {}
            for key, item in value.items():
                if self._values > _MOST_VALUES:
                    break
                copied[_key(key)] = self.copy(item, inside)
            return copied
        if isinstance(value, (set, frozenset)):
            value = sorted(value, key=text_of)
        if isinstance(value, (list, tuple)):
            items = []
            for item in value:
                items.append(self.copy(item, inside))
                if self._values > _MOST_VALUES:
                    break
            return items
        return text_of(value)


def _key(key: object) -> str:
    return f"<{len(key)} bytes>" if isinstance(key, (bytes, bytearray)) else text_of(key)
