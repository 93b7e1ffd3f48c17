"""Tool calls, call events and carrier callbacks: plain ASGI, because an agent is waiting.

The raw bytes go to the plugin untouched, since signatures are over bytes. The URL is rebuilt from `server.public_url`: behind a
proxy it is the only one the sender knows, and carriers sign it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from midcall.app import Midcall
from midcall.contract.errors import LedgerError, WebhookError
from midcall.contract.webhooks import WebhookRequest, WebhookResponse

log = logging.getLogger("midcall.server")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_PLATFORMS = "platforms"
_CARRIERS = "carriers"


class TooLargeError(Exception):
    """The body is over the limit; reading stopped there."""


class Webhooks:
    """Answers `POST /platforms/{instance}/tools/{tool}`, `/platforms/{instance}/events`, `/carriers/{account}/status`."""

    def __init__(self, midcall: Midcall) -> None:
        self._midcall = midcall

    @staticmethod
    def wants(path: str) -> bool:
        """Whether a path is one of these routes'."""
        return path.startswith(("/platforms/", "/carriers/"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request. Whatever goes wrong is answered in JSON with what to do; a traceback goes to the log only."""
        try:
            response = await self._answer(scope, receive)
        except TooLargeError:
            limit = self._midcall.settings.server.max_body
            response = _problem(413, f"the body is over {limit} bytes", "server.max_body sets the limit")
        except WebhookError as error:
            log.warning("%s %s: %s", scope["method"], scope["path"], error)
            response = _problem(error.status, str(error), error.fix)
        except LedgerError as error:
            log.error("%s %s: %s", scope["method"], scope["path"], error)
            response = _problem(
                503, str(error), "the sender of this request repeats it; see the server's log"
            )
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            response = _problem(500, "the request failed inside Midcall", "the server's log has the cause")
        await _send(send, response)

    async def _answer(self, scope: Scope, receive: Receive) -> WebhookResponse:
        match scope["path"].strip("/").split("/"):
            case [first, instance, "tools", tool] if first == _PLATFORMS:
                missing = self._missing_platform(instance)
                return missing or await self._tool_call(instance, tool, scope, receive)
            case [first, instance, "events"] if first == _PLATFORMS:
                missing = self._missing_platform(instance)
                return missing or await self._event(instance, scope, receive)
            case [first, account, "status"] if first == _CARRIERS:
                return await self._status(account, scope, receive)
        return _problem(404, f"there is no {scope['path']}", "see the routes in /openapi.json")

    async def _tool_call(self, instance: str, tool: str, scope: Scope, receive: Receive) -> WebhookResponse:
        if wrong := _not_post(scope):
            return wrong
        request = await self._request(scope, receive)
        return await self._midcall.answer_tool_call(instance, tool, request)

    async def _event(self, instance: str, scope: Scope, receive: Receive) -> WebhookResponse:
        if wrong := _not_post(scope):
            return wrong
        await self._midcall.take_event(instance, await self._request(scope, receive))
        return WebhookResponse(status=204)

    async def _status(self, account: str, scope: Scope, receive: Receive) -> WebhookResponse:
        if account not in self._midcall.accounts:
            return _problem(
                404, f"there is no account {account!r}", f"add [accounts.{account}] to the settings"
            )
        # Carriers may be set to GET; an answer to either is the same.
        await self._midcall.take_status(account, await self._request(scope, receive))
        return WebhookResponse(status=204)

    def _missing_platform(self, instance: str) -> WebhookResponse | None:
        if instance in self._midcall.platforms:
            return None
        known = ", ".join(sorted(self._midcall.platforms)) or "none"
        fix = f"add [platforms.{instance}] to the settings; configured now: {known}"
        return _problem(404, f"there is no platform instance {instance!r}", fix)

    async def _request(self, scope: Scope, receive: Receive) -> WebhookRequest:
        body = await _read(receive, self._midcall.settings.server.max_body)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
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
        raw = scope.get("raw_path")
        path = raw.decode("latin-1") if raw else quote(scope["path"])
        query = scope.get("query_string", b"").decode("latin-1")
        return f"{base.rstrip('/')}{path}{'?' + query if query else ''}"


async def _read(receive: Receive, limit: int) -> bytes:
    """The body, or `TooLargeError` as soon as it is over the limit: it is never held whole."""
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise WebhookError("the sender hung up before the body was complete")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise TooLargeError
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


async def _send(send: Send, response: WebhookResponse) -> None:
    headers = [(b"content-length", str(len(response.body)).encode())]
    if response.body:
        headers.append((b"content-type", response.content_type.encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


def _not_post(scope: Scope) -> WebhookResponse | None:
    if scope["method"] == "POST":
        return None
    return _problem(405, f"{scope['method']} is not answered here", "send a POST")


def _problem(status: int, error: str, fix: str) -> WebhookResponse:
    """An error in the shape of an outcome, so that an agent that hears it knows that nothing was sent."""
    answer = {"status": "rejected", "error": error, "fix": fix}
    return WebhookResponse(status=status, body=json.dumps(answer, ensure_ascii=False).encode())
