"""Looking in over HTTP: what the simulator took and saw, and putting faults in place without any code.

`GET /_sim/texts?to=`, `GET /_sim/requests`, `GET /_sim/callbacks`, `GET /_sim/faults`, `POST /_sim/faults`,
`POST /_sim/reset`. The lists take `?limit=` and then show the newest.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from aiohttp import web

from midcall_simulator.exchange import Exchange
from midcall_simulator.faults import Fault


class _Shown(Protocol):
    def as_json(self) -> dict[str, object]: ...


class Inspection:
    """The `/_sim/` routes."""

    def __init__(self, exchange: Exchange, *, reset: Callable[[], Awaitable[None]]) -> None:
        self._exchange = exchange
        self._reset_all = reset

    def routes(self) -> list[web.RouteDef]:
        """Every inspection route."""
        return [
            web.get("/_sim/texts", self._texts),
            web.get("/_sim/requests", self._requests),
            web.get("/_sim/callbacks", self._callbacks),
            web.get("/_sim/faults", self._list_faults),
            web.post("/_sim/faults", self._add_fault),
            web.post("/_sim/reset", self._reset),
        ]

    async def _texts(self, request: web.Request) -> web.Response:
        memory = self._exchange.memory
        to = request.query.get("to")
        return _list("texts", memory.texts if to is None else memory.texts_to(to), request)

    async def _requests(self, request: web.Request) -> web.Response:
        return _list("requests", self._exchange.memory.posts, request)

    async def _callbacks(self, request: web.Request) -> web.Response:
        return _list("callbacks", self._exchange.callbacks.records, request)

    async def _list_faults(self, request: web.Request) -> web.Response:
        armed = [{**one.fault.as_json(), "struck": one.struck} for one in self._exchange.faults]
        return web.json_response({"faults": armed, "count": len(armed)})

    async def _add_fault(self, request: web.Request) -> web.Response:
        try:
            fault = Fault.from_json(_json_object(await request.text()))
        except ValueError as problem:
            return web.json_response({"error": str(problem)}, status=400)
        self._exchange.faults.add(fault)
        return web.json_response(fault.as_json(), status=201)

    async def _reset(self, request: web.Request) -> web.Response:
        await self._reset_all()
        return web.json_response({"reset": True})


def _json_object(text: str) -> dict[str, object]:
    given = json.loads(text)
    if isinstance(given, dict):
        return given
    raise ValueError("the body is not a JSON object with the fields of a fault")


def _list(name: str, items: Sequence[_Shown], request: web.Request) -> web.Response:
    limit = request.query.get("limit", "")
    if limit and not limit.isdecimal():
        return web.json_response({"error": f"limit is {limit[:20]!r}: use a whole number"}, status=400)
    shown = items[-int(limit) :] if limit and int(limit) else () if limit else items
    return web.json_response({name: [item.as_json() for item in shown], "count": len(items)})
