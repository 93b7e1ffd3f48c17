"""A table of the settings that only a plugin understands, as it was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from midcall.settings.places import Origin, Place, find_origin, shown_name

_HIDDEN = "•••"


class RawTable(Mapping[str, Any]):
    """`[accounts.eu]` and its like before the plugin's own class has read it: unchecked, unchangeable, safe to print.

    Its `repr` and its serialized form show keys and no values, since nobody but the plugin knows which are secret. Tables
    inside are `RawTable` too, lists are tuples.
    """

    __slots__ = ("_origins", "_values")

    def __init__(
        self, values: Mapping[str, Any], *, origins: Mapping[Place, Origin] = MappingProxyType({})
    ) -> None:
        """`values` is copied. `origins`: where each value came from, by its place inside this table."""
        self._values = {str(key): _frozen(value) for key, value in values.items()}
        self._origins = dict(origins)

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"RawTable({', '.join(f'{shown_name(key)}={_HIDDEN}' for key in self._values)})"

    @property
    def origins(self) -> Mapping[Place, Origin]:
        """Where each value came from, by its place inside this table; empty when nobody said."""
        return MappingProxyType(self._origins)

    def origin(self, *place: str | int) -> Origin | None:
        """Where one value came from, if it is known."""
        return find_origin(self._origins, place)

    def plain(self) -> dict[str, Any]:
        """A copy in plain dicts and lists. It prints what it holds: keep it out of logs."""
        return {key: _thawed(value) for key, value in self._values.items()}

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """A table is taken as it is, whatever it holds, and written out without its values."""
        return core_schema.no_info_plain_validator_function(
            cls._from_table,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda raw: dict.fromkeys(raw, _HIDDEN)
            ),
        )

    @classmethod
    def _from_table(cls, value: object) -> RawTable:
        if isinstance(value, RawTable):
            return value
        if isinstance(value, Mapping):
            return cls(value)
        raise PydanticCustomError("table", "Input should be a table")


def _frozen(value: Any) -> Any:
    if isinstance(value, RawTable):
        return value
    if isinstance(value, Mapping):
        return RawTable(value)
    if isinstance(value, (list, tuple)):
        return tuple(_frozen(item) for item in value)
    return value


def _thawed(value: Any) -> Any:
    if isinstance(value, RawTable):
        return value.plain()
    if isinstance(value, tuple):
        return [_thawed(item) for item in value]
    return value
