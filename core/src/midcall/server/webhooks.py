"""Tool calls, call events and carrier callbacks: plain ASGI, because an agent is waiting.

The raw bytes go to the plugin untouched, since signatures are over bytes. The URL is rebuilt from `server.public_url`: behind a
proxy it is the only one the sender knows, and carriers sign it.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from midcall.app import Midcall
from midcall.contract.errors import LedgerError, WebhookError
from midcall.contract.webhooks import WebhookRequest, WebhookResponse
from midcall.server.answers import HANG_UP, Answer, Receive, Scope, Send, refusal, shown
from midcall.server.bodies import PATIENCE_S, HungUpError, TooLargeError, TooSlowError, read_body

log = logging.getLogger("midcall.server")

_TAKEN = Answer(204)
_POST = ("POST",)
_POST_OR_GET = ("POST", "GET")
"""Carriers may be set to GET; an answer to either is the same."""


class Webhooks:
    """Answers `POST /platforms/{instance}/tools/{tool}`, `/platforms/{instance}/events`, `/carriers/{account}/status`."""

    def __init__(self, midcall: Midcall, *, patience_s: float = PATIENCE_S) -> None:
        """`patience_s`: how long a body may take to arrive, in seconds."""
        self._midcall = midcall
        self._patience_s = patience_s

    @staticmethod
    def wants(scope: Scope) -> bool:
        """Whether a request is for one of these routes, or for something beside them."""
        return _path(scope).startswith(("/platforms/", "/carriers/"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request. Whatever goes wrong is answered in JSON with what to do; a traceback goes to the log only."""
        try:
            answer = await self._answer(scope, receive)
        except HungUpError:
            log.info("%s: the sender hung up before the body was complete", _named(scope))
            return
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and the sender is to be answered
            answer = self._failed(scope, error)
        await answer.send(send)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        if not self._midcall.running:
            return refusal(503, "Midcall is not running", "start it, or let the server run its lifespan")
        # Split before unquoting: a slash inside a name, %2F, is not one between names.
        match [unquote(part) for part in _path(scope).split("/")]:
            case ["", "platforms", instance, "tools", tool] if tool:
                if wrong := self._not_here("platform instance", instance, scope, _POST):
                    return wrong
                request = await self._request(scope, receive)
                return _as_answer(await self._midcall.answer_tool_call(instance, tool, request))
            case ["", "platforms", instance, "events"]:
                if wrong := self._not_here("platform instance", instance, scope, _POST):
                    return wrong
                await self._midcall.take_event(instance, await self._request(scope, receive))
                return _TAKEN
            case ["", "carriers", account, "status"]:
                if wrong := self._not_here("account", account, scope, _POST_OR_GET):
                    return wrong
                await self._midcall.take_status(account, await self._request(scope, receive))
                return _TAKEN
        fix = (
            "the routes are /platforms/{instance}/tools/{tool}, /platforms/{instance}/events and "
            "/carriers/{account}/status, with no slash at the end"
        )
        return refusal(404, f"there is no {shown(_path(scope))}", fix)

    def _not_here(self, what: str, name: str, scope: Scope, methods: Collection[str]) -> Answer | None:
        """404 for an unknown name, 405 for a method the route does not have, None when the request may go on."""
        account = what == "account"
        known = self._midcall.accounts if account else self._midcall.platforms
        if name not in known:
            section = "accounts" if account else "platforms"
            there = ", ".join(sorted(known)) or "none"
            fix = f"correct the address, or add [{section}.NAME] to the settings; configured now: {there}"
            return refusal(404, f"there is no {what} {shown(name)}", fix)
        if scope["method"] not in methods:
            allowed = ", ".join(methods)
            return refusal(
                405,
                f"{scope['method']} is not answered here",
                f"send a {' or '.join(methods)}",
                headers=((b"allow", allowed.encode()),),
            )
        return None

    def _failed(self, scope: Scope, error: Exception) -> Answer:
        """What went wrong, as an answer; logged once, here."""
        where = _named(scope)
        match error:
            case TooLargeError():
                limit = self._midcall.settings.server.max_body
                log.warning("%s: the body is over %d bytes", where, limit)
                fix = "server.max_body sets the limit"
                return refusal(413, f"the body is over {limit} bytes", fix, headers=HANG_UP)
            case TooSlowError():
                log.warning("%s: the body did not arrive within %g s", where, self._patience_s)
                words = f"the body did not arrive within {self._patience_s:g} s"
                return refusal(408, words, "send the request again, whole", headers=HANG_UP)
            case WebhookError():
                log.warning("%s: %s", where, error)
                return refusal(
                    error.status, str(error), error.fix or "send what the plugin expects, unchanged"
                )
            case LedgerError():
                log.error("%s: %s", where, error)
                return refusal(503, str(error), "send the request again later; the server's log has more")
            case NotImplementedError():
                log.error("%s: the plugin does not take such requests", where)
                return refusal(
                    501,
                    "the plugin does not take such requests",
                    "remove this address where it is configured",
                )
        log.error("%s failed", where, exc_info=error)
        return refusal(500, "the request failed inside Midcall", "the server's log has the cause")

    async def _request(self, scope: Scope, receive: Receive) -> WebhookRequest:
        limit = self._midcall.settings.server.max_body
        body = await read_body(scope, receive, limit=limit, patience_s=self._patience_s)
        headers: dict[str, str] = {}
        for name, value in scope["headers"]:
            key, text = name.decode("latin-1"), value.decode("latin-1")
            headers[key] = f"{headers[key]}, {text}" if key in headers else text
        return WebhookRequest(
            method=scope["method"],
            url=self._public_url(scope, headers),
            headers=headers,
            body=body,
            received_at=datetime.now(UTC),
        )

    def _public_url(self, scope: Scope, headers: dict[str, str]) -> str:
        base = self._midcall.settings.server.public_url
        if base is None:
            base = f"{scope.get('scheme', 'http')}://{headers.get('host', '127.0.0.1')}"
        query = scope.get("query_string", b"").decode("latin-1")
        return f"{base}{_raw_path(scope)}{'?' + query if query else ''}"


def _as_answer(response: WebhookResponse) -> Answer:
    return Answer(response.status, response.body, response.content_type)


def _raw_path(scope: Scope) -> str:
    """The path as it came over the wire, percent signs and all."""
    raw = scope.get("raw_path")
    return quote(scope["path"]) if raw is None else raw.partition(b"?")[0].decode("latin-1")


def _path(scope: Scope) -> str:
    """The path below the place where the application is mounted, as it came over the wire."""
    return _raw_path(scope).removeprefix(scope.get("root_path", ""))


def _named(scope: Scope) -> str:
    """A request in a line of the log."""
    return f"{scope['method']} {shown(_path(scope))}"
