"""The read API, behind a bearer token: messages, calls, health, and the API's own description."""

from __future__ import annotations

import re
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from midcall.app import Midcall
from midcall.contract.errors import LedgerError
from midcall.contract.messages import MessageState
from midcall.ledger import attempt_json, call_json, event_json, message_json
from midcall.numbers import NumberError, parse_number
from midcall.server.answers import problem, shown
from midcall.server.openapi import openapi_document

Page = Callable[[Request], Awaitable[Response]]

MOST = 500
"""Messages one answer may hold."""
USUAL = 50

_STATES = [state.value for state in MessageState]
_READINESS_HOLDS_S = 1.0
"""Seconds one look at the ledger answers every `/readyz`: nobody is asked for a token there, so it must stay cheap."""


class BadQuery(HTTPException):
    """A parameter that cannot be used: 400, with what to write instead."""

    def __init__(self, error: str, fix: str) -> None:
        self.fix = fix
        super().__init__(400, error)


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


def error_pages() -> Mapping[Any, Callable[[Request, Exception], Response]]:
    """What Starlette answers by itself, in the shape of all our errors."""
    return {HTTPException: _http_error, Exception: _failure}


class Api:
    """One `Midcall`, read-only."""

    def __init__(self, midcall: Midcall) -> None:
        self._midcall = midcall
        self._problems: tuple[float, list[str]] | None = None

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
            # Headers arrive as Latin-1: encoded so again, they are the bytes that were sent.
            if scheme.lower() != "bearer" or not secrets.compare_digest(
                given.strip().encode("latin-1"), known
            ):
                response = _problem(401, "no valid bearer token", "send Authorization: Bearer <server.token>")
                response.headers["WWW-Authenticate"] = "Bearer"
                return response
            if not self._midcall.running:
                return _problem(503, "Midcall is not running", "start it, or let the server run its lifespan")
            try:
                return await page(request)
            except LedgerError as error:
                return _problem(503, str(error), "see /readyz, and the server's log")

        return checked

    async def messages(self, request: Request) -> Response:
        """Newest first. Query: `state`, `call`, `to`, `limit`, `before` (a message id)."""
        query = _query(request, ("state", "call", "to", "limit", "before"))
        found = await self._midcall.ledger.messages(
            state=_state(query.get("state")),
            call_id=query.get("call"),
            destination=_number(query.get("to")),
            limit=_limit(query.get("limit")),
            before=_message_id(query.get("before")),
        )
        return JSONResponse({"messages": [message_json(message) for message in found]})

    async def message(self, request: Request) -> Response:
        """One message with its attempts and its timeline."""
        _query(request, ())
        ledger, wanted = self._midcall.ledger, request.path_params["id"]
        message = await ledger.message(wanted)
        if message is None:
            return _problem(404, f"there is no message {shown(wanted)}", "ids are those of /messages")
        body = message_json(message)
        body["attempts_made"] = [attempt_json(attempt) for attempt in await ledger.attempts(message.id)]
        body["events"] = [event_json(event) for event in await ledger.events(message.id)]
        return JSONResponse(body)

    async def call(self, request: Request) -> Response:
        """One call, by the platform's id, with its messages. Query: `platform`, when several instances share an id."""
        named = _query(request, ("platform",)).get("platform")
        ledger, wanted = self._midcall.ledger, request.path_params["id"]
        messages = await ledger.messages(call_id=wanted, limit=MOST)
        # Of instances that are configured no more, and of the command line, there may be calls too.
        instances = {*self._midcall.platforms, *(message.platform for message in messages)}
        calls = [
            call
            for instance in sorted({named} if named is not None else instances)
            if (call := await ledger.call(instance, wanted)) is not None
        ]
        if not calls:
            return _problem(404, f"there is no call {shown(wanted)}", "ids are the platform's own")
        if len(calls) > 1:
            known = ", ".join(call.platform for call in calls)
            raise BadQuery(
                f"{len(calls)} calls have the id {shown(wanted)}", f"add ?platform=, one of {known}"
            )
        (call,) = calls
        mine = [message_json(message) for message in messages if message.platform == call.platform]
        return JSONResponse(call_json(call) | {"messages": mine})

    async def healthz(self, _request: Request) -> Response:
        """The process lives."""
        return JSONResponse({"status": "ok"})

    async def readyz(self, _request: Request) -> Response:
        """Texts can be sent: the ledger can be read and written, and an account is configured."""
        now = time.monotonic()
        if self._problems is None or now - self._problems[0] > _READINESS_HOLDS_S:
            self._problems = (now, await self._midcall.problems())
        problems = self._problems[1]
        status = {"status": "not ready" if problems else "ready", "problems": problems}
        return JSONResponse(status, status_code=503 if problems else 200)

    async def openapi(self, _request: Request) -> Response:
        """This API's own description."""
        return JSONResponse(openapi_document())


def _query(request: Request, known: Collection[str]) -> dict[str, str]:
    """The parameters, each known and given once."""
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            usable = f"use {', '.join(known)}" if known else "leave it out: there are none here"
            raise BadQuery(f"there is no parameter {shown(name)}", usable)
        if name in given:
            raise BadQuery(f"{name} is given more than once", "give it once")
        given[name] = value
    return given


def _state(written: str | None) -> MessageState | None:
    if written is None:
        return None
    if written not in _STATES:
        raise BadQuery(f"state {shown(written)} is not a state", f"use one of {', '.join(_STATES)}")
    return MessageState(written)


def _number(written: str | None) -> str | None:
    """A number in E.164. In a query a plus is a space unless it is written %2B, and that is how most people send it."""
    if written is None:
        return None
    try:
        return parse_number(f"+{written.strip().removeprefix('+')}").e164
    except NumberError:
        raise BadQuery("to is not a phone number", "write it in full, such as %2B12025550142") from None


def _limit(written: str | None) -> int:
    if written is None:
        return USUAL
    if not re.fullmatch(r"[0-9]{1,4}", written) or not 1 <= int(written) <= MOST:
        raise BadQuery("limit is not a number in its range", f"use 1 to {MOST}")
    return int(written)


def _message_id(written: str | None) -> str | None:
    if written is None:
        return None
    try:
        return str(uuid.UUID(written))
    except ValueError:
        raise BadQuery("before is not the id of a message", "use the id of the last one seen") from None


_FIXES = {404: "see the routes in /openapi.json", 405: "send a GET"}


def _http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error, BadQuery):
        return _problem(400, error.detail, error.fix)
    words = {404: "there is no such route", 405: "this method is not answered here"}
    response = _problem(
        error.status_code,
        words.get(error.status_code, error.detail),
        _FIXES.get(error.status_code, "see /openapi.json"),
    )
    for name, value in (error.headers or {}).items():
        # Starlette keeps the methods in a set, and their order changes from start to start.
        response.headers[name] = ", ".join(sorted(value.split(", "))) if name == "Allow" else value
    return response


def _failure(_request: Request, _error: Exception) -> Response:
    """The server logs the error itself."""
    return _problem(500, "the request failed inside Midcall", "the server's log has the cause")


def _problem(status: int, error: str, fix: str) -> Response:
    return JSONResponse(problem(error, fix), status_code=status)
