"""The read API, behind a bearer token: messages, calls, health, and the API's own description."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from midcall.app import Midcall
from midcall.contract.errors import LedgerError
from midcall.contract.messages import MessageState
from midcall.ledger import attempt_json, call_json, event_json, message_json
from midcall.server.openapi import openapi_document

Page = Callable[[Request], Awaitable[Response]]

_STATES = [state.value for state in MessageState]
_LIMIT = 50
_MOST = 500


def routes(midcall: Midcall) -> list[Route]:
    """Every route but the webhooks'."""
    api = Api(midcall)
    return [
        Route("/messages", api.guarded(api.messages), methods=["GET"]),
        Route("/messages/{id}", api.guarded(api.message), methods=["GET"]),
        Route("/calls/{id}", api.guarded(api.call), methods=["GET"]),
        Route("/healthz", api.healthz, methods=["GET"]),
        Route("/readyz", api.readyz, methods=["GET"]),
        Route("/openapi.json", api.openapi, methods=["GET"]),
    ]


class Api:
    """One `Midcall`, read-only."""

    def __init__(self, midcall: Midcall) -> None:
        self._midcall = midcall

    def guarded(self, page: Page) -> Page:
        """Only with `Authorization: Bearer <server.token>`."""

        async def checked(request: Request) -> Response:
            token = self._midcall.settings.server.token
            if token is None:
                return _problem(
                    403, "the API is closed", "set server.token (MIDCALL_SERVER__TOKEN) to open it"
                )
            scheme, _, given = request.headers.get("authorization", "").partition(" ")
            known = token.get_secret_value().encode()
            if scheme.lower() != "bearer" or not secrets.compare_digest(given.strip().encode(), known):
                response = _problem(401, "no valid bearer token", "send Authorization: Bearer <server.token>")
                response.headers["WWW-Authenticate"] = "Bearer"
                return response
            try:
                return await page(request)
            except LedgerError as error:
                return _problem(503, str(error), "see `midcall messages` on the server, and its log")

        return checked

    async def messages(self, request: Request) -> Response:
        """Newest first. Query: `state`, `call`, `to`, `limit`, `before` (a message id)."""
        query = request.query_params
        unknown = sorted(set(query) - {"state", "call", "to", "limit", "before"})
        if unknown:
            return _problem(400, f"unknown parameter {unknown[0]!r}", "use state, call, to, limit or before")
        state = query.get("state")
        if state is not None and state not in _STATES:
            return _problem(400, f"state {state!r} is not a state", f"use one of {', '.join(_STATES)}")
        limit = query.get("limit", str(_LIMIT))
        if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit) <= _MOST:
            return _problem(400, "limit is not a number in its range", f"use 1 to {_MOST}")
        found = await self._midcall.ledger.messages(
            state=MessageState(state) if state else None,
            call_id=query.get("call"),
            destination=query.get("to"),
            limit=int(limit),
            before=query.get("before"),
        )
        return JSONResponse({"messages": [message_json(message) for message in found]})

    async def message(self, request: Request) -> Response:
        """One message with its attempts and its timeline."""
        ledger, wanted = self._midcall.ledger, request.path_params["id"]
        message = await ledger.message(wanted)
        if message is None:
            return _problem(404, f"there is no message {wanted!r}", "ids are those of /messages")
        body = message_json(message)
        body["attempts_made"] = [attempt_json(attempt) for attempt in await ledger.attempts(message.id)]
        body["events"] = [event_json(event) for event in await ledger.events(message.id)]
        return JSONResponse(body)

    async def call(self, request: Request) -> Response:
        """One call, by the platform's id, with its messages. Query: `platform`, when two instances share an id."""
        ledger, wanted = self._midcall.ledger, request.path_params["id"]
        named = request.query_params.get("platform")
        for instance in (named,) if named else self._midcall.platforms:
            call = await ledger.call(instance, wanted)
            if call is not None:
                found = await ledger.messages(call_id=wanted, limit=_MOST)
                mine = [message_json(message) for message in found if message.platform == instance]
                return JSONResponse(call_json(call) | {"messages": mine})
        return _problem(404, f"there is no call {wanted!r}", "ids are the platform's own")

    async def healthz(self, _request: Request) -> Response:
        """The process lives."""
        return JSONResponse({"status": "ok"})

    async def readyz(self, _request: Request) -> Response:
        """Texts can be sent: the ledger answers and every configured account is loaded."""
        problems = await self._midcall.problems()
        status = {"status": "ready" if not problems else "not ready", "problems": problems}
        return JSONResponse(status, status_code=200 if not problems else 503)

    async def openapi(self, _request: Request) -> Response:
        """This API's own description."""
        return JSONResponse(openapi_document())


def _problem(status: int, error: str, fix: str) -> Response:
    return JSONResponse({"error": error, "fix": fix}, status_code=status)
