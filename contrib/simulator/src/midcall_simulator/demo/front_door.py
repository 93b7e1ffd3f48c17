"""The public address: what a reverse proxy is to a deployed server, and the place where receipts can be seen and held up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector, web
from yarl import URL

from midcall_simulator.demo.waiting import PATIENCE_S

HOST = "127.0.0.1"
CARRIERS = "/carriers/"

_OF_ONE_HOP = frozenset({"connection", "content-length", "host", "keep-alive", "te", "transfer-encoding"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A status callback that went through to the server, and the HTTP status it was answered with."""

    at: datetime
    sid: str
    status: str
    code: str
    """The carrier's error code, empty when there is none."""
    answered: int


class FrontDoor:
    """Passes every request on to `server_url`, byte for byte, and its answer back; 502 when there is no server.

    While receipts are held up, a carrier's callbacks wait here; everything else passes.
    """

    def __init__(self) -> None:
        self.server_url: str | None = None
        self.receipts: list[Receipt] = []
        self._open = asyncio.Event()
        self._open.set()
        self._runner: web.AppRunner | None = None
        self._session: ClientSession | None = None

    async def start(self) -> None:
        """Listen on a free port."""
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._pass_on)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, 0).start()
        # A connection for each request: one kept open to a server that was killed would fail the request after it.
        self._session = ClientSession(
            connector=TCPConnector(force_close=True),
            timeout=ClientTimeout(total=30.0),
            auto_decompress=False,
            trust_env=False,
        )

    async def aclose(self) -> None:
        """Let go of what waits, and close."""
        self._open.set()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    @property
    def url(self) -> str:
        """Its address."""
        assert self._runner is not None, "start it first"
        return f"http://{HOST}:{self._runner.addresses[0][1]}"

    def hold_receipts(self) -> None:
        """From now on callbacks wait, as they do when the way from the carrier is slow."""
        self._open.clear()

    def let_receipts_through(self) -> None:
        """Those that wait go on, in the order they came."""
        self._open.set()

    def receipt(self, sid: str, status: str) -> Receipt | None:
        """The receipt that told the server so, if it has been answered."""
        return next((one for one in self.receipts if (one.sid, one.status) == (sid, status)), None)

    async def _pass_on(self, request: web.Request) -> web.Response:
        body = await request.read()
        of_carrier = request.path.startswith(CARRIERS)
        if of_carrier:
            try:
                await asyncio.wait_for(self._open.wait(), PATIENCE_S)
            except TimeoutError:
                return web.Response(status=504, text="held up for too long")
        at = datetime.now(UTC)
        answer = await self._ask(request, body)
        if of_carrier:
            form = dict(parse_qsl(body.decode("utf-8", "replace")))
            self.receipts.append(
                Receipt(
                    at=at,
                    sid=form.get("MessageSid", ""),
                    status=form.get("MessageStatus", ""),
                    code=form.get("ErrorCode", ""),
                    answered=answer.status,
                )
            )
        return answer

    async def _ask(self, request: web.Request, body: bytes) -> web.Response:
        if self.server_url is None or self._session is None:
            return web.Response(status=502, text="no server")
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _OF_ONE_HOP}
        target = URL(self.server_url + request.rel_url.raw_path_qs, encoded=True)
        try:
            async with self._session.request(
                request.method, target, data=body, headers=headers, allow_redirects=False
            ) as answer:
                content = await answer.read()
        except (ClientError, OSError):  # TimeoutError is an OSError
            return web.Response(status=502, text="the server closed the connection")
        kind = answer.headers.get("Content-Type")
        return web.Response(
            status=answer.status, body=content, headers={"Content-Type": kind} if kind else None
        )
