"""The ASGI application: webhooks and tool calls first and bare, everything else through Starlette."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette

from midcall.app import Midcall
from midcall.server.api import routes
from midcall.server.webhooks import Receive, Scope, Send, Webhooks


class Application:
    """`midcall` is started with the server and closed with it, unless it is running already (then its owner closes it)."""

    def __init__(self, midcall: Midcall) -> None:
        self.midcall = midcall
        self._webhooks = Webhooks(midcall)
        self._pages = Starlette(routes=routes(midcall), lifespan=self._lifespan)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection."""
        if scope["type"] == "http" and self._webhooks.wants(scope["path"]):
            await self._webhooks(scope, receive, send)
        else:
            await self._pages(scope, receive, send)

    @asynccontextmanager
    async def _lifespan(self, _pages: Starlette) -> AsyncIterator[None]:
        if self.midcall.running:
            yield
            return
        async with self.midcall:
            yield


def create_app(midcall: Midcall) -> Application:
    """The ASGI application of a `Midcall`; mount it in your own server, or run it with `midcall serve`."""
    return Application(midcall)
