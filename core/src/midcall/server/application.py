"""The ASGI application: webhooks and tool calls first and bare, everything else through Starlette."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette

from midcall.app import Midcall
from midcall.server.answers import COMMON_HEADERS, Message, Receive, Scope, Send
from midcall.server.api import error_pages, routes
from midcall.server.bodies import PATIENCE_S
from midcall.server.webhooks import Webhooks


class Application:
    """`midcall` is started with the server and closed with it, unless it is running already (then its owner closes it)."""

    def __init__(self, midcall: Midcall, *, patience_s: float = PATIENCE_S) -> None:
        """`patience_s`: how long a request's body may take to arrive, in seconds."""
        self.midcall = midcall
        self._webhooks = Webhooks(midcall, patience_s=patience_s)
        self._pages = Starlette(
            routes=routes(midcall), exception_handlers=error_pages(), lifespan=self._lifespan
        )
        # A redirect would lose the token, and a slash too many is worth being told of.
        self._pages.router.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection."""
        if scope["type"] != "http":
            await self._pages(scope, receive, send)
        elif self._webhooks.wants(scope):
            await self._webhooks(scope, receive, send)
        else:
            await self._pages(scope, receive, _with_common_headers(send))

    @asynccontextmanager
    async def _lifespan(self, _pages: Starlette) -> AsyncIterator[None]:
        if self.midcall.running:
            yield
            return
        async with self.midcall:
            yield


def _with_common_headers(send: Send) -> Send:
    async def adding(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *COMMON_HEADERS]
        await send(message)

    return adding


def create_app(midcall: Midcall, *, patience_s: float = PATIENCE_S) -> Application:
    """The ASGI application of a `Midcall`; mount it in your own server, or run it with `midcall serve`.

    `patience_s`: how long a request's body may take to arrive, in seconds.
    """
    return Application(midcall, patience_s=patience_s)
