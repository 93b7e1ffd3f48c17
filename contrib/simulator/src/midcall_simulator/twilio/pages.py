"""Twilio's two ways of paging a list: `next_page_uri` (2010-04-01) and `meta.next_page_url` (v1).

A page is named by its index and by a token that freezes the list where its first page was read, so texts that
arrive meanwhile neither shift nor double what follows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlencode

from midcall_simulator.twilio.errors import RefusedError

T = TypeVar("T")

MAX_PAGE_SIZE = 1000
PAGING = frozenset({"PageSize", "Page", "PageToken"})


class PageAsked:
    """Which page of a list was asked for. Raises `RefusedError` for parameters out of range or unknown."""

    def __init__(
        self, query: Sequence[tuple[str, str]], *, filters: frozenset[str], default_size: int = 50
    ) -> None:
        self.filters: dict[str, str] = {}
        paging: dict[str, str] = {}
        for name, value in query:
            if name not in filters and name not in PAGING:
                raise RefusedError(20001, f"{name!r} is not a parameter of this list")
            place = paging if name in PAGING else self.filters
            if name in place:
                raise RefusedError(20001, f"{name} is given twice")
            place[name] = value
        self.size = _integer(paging, "PageSize", default_size, 1, MAX_PAGE_SIZE)
        self.index = _integer(paging, "Page", 0, 0, 1_000_000)
        self.token = paging.get("PageToken")

    @property
    def start(self) -> int:
        """How many items come before this page."""
        return self.index * self.size

    def frozen_at(self, newest: int) -> int:
        """The list's length when its first page was read: from the token, or `newest` if this is the first.

        Raises `RefusedError` for a token this API did not give.
        """
        if self.token is None:
            return newest
        digits = self.token.removeprefix("PA")
        if digits == self.token or not digits.isdecimal() or len(digits) > 12:
            raise RefusedError(20422, "PageToken was not given by this API", status=422)
        return min(int(digits), newest)

    def link(self, path: str, index: int, *, frozen: int) -> str:
        """The path and query of another page of this list."""
        query = {**self.filters, "PageSize": str(self.size), "Page": str(index)}
        if index:
            query["PageToken"] = f"PA{frozen}"
        return f"{path}?{urlencode(query)}"


def _integer(given: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    value = given.get(name)
    if value is None:
        return default
    if not value.isdecimal() or len(value) > 9 or not low <= int(value) <= high:
        raise RefusedError(20422, f"{name} is not an integer from {low} to {high}", status=422)
    return int(value)


def page_2010(
    asked: PageAsked,
    *,
    path: str,
    key: str,
    items: Sequence[T],
    more: bool,
    frozen: int,
    show: Callable[[T], object],
) -> dict[str, object]:
    """One page of a 2010-04-01 list: `items` are this page's."""
    return {
        key: [show(item) for item in items],
        "start": asked.start,
        "end": asked.start + max(len(items) - 1, 0),
        "page": asked.index,
        "page_size": asked.size,
        "first_page_uri": asked.link(path, 0, frozen=frozen),
        "previous_page_uri": asked.link(path, asked.index - 1, frozen=frozen) if asked.index else None,
        "next_page_uri": asked.link(path, asked.index + 1, frozen=frozen) if more else None,
        "uri": asked.link(path, asked.index, frozen=frozen),
    }


def page_v1(
    asked: PageAsked, *, base: str, path: str, key: str, items: Sequence[T], show: Callable[[T], object]
) -> dict[str, object]:
    """One page of a v1 list: `items` are all there are."""
    frozen = asked.frozen_at(len(items))
    shown = items[asked.start : min(asked.start + asked.size, frozen)]
    more = asked.start + asked.size < frozen
    return {
        key: [show(item) for item in shown],
        "meta": {
            "key": key,
            "page": asked.index,
            "page_size": asked.size,
            "first_page_url": base + asked.link(path, 0, frozen=frozen),
            "previous_page_url": base + asked.link(path, asked.index - 1, frozen=frozen)
            if asked.index
            else None,
            "next_page_url": base + asked.link(path, asked.index + 1, frozen=frozen) if more else None,
            "url": base + asked.link(path, asked.index, frozen=frozen),
        },
    }
