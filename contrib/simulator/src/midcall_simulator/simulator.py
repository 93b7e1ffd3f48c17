"""The simulator: one loopback server that speaks the carriers' APIs and sends nothing anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Self

from aiohttp import web

from midcall_simulator.callbacks import CallbackRecord, CallbackSender
from midcall_simulator.exchange import Exchange
from midcall_simulator.faults import Faults
from midcall_simulator.inspection import Inspection
from midcall_simulator.magic import MAGIC_NUMBERS
from midcall_simulator.memory import SeenRequest, Text
from midcall_simulator.phones import PhoneNetwork
from midcall_simulator.twilio import DEFAULT_ACCOUNT_SID, DEFAULT_AUTH_TOKEN, Twilio, TwilioAccount, furnish

HOST = "127.0.0.1"


class Simulator:
    """A simulated carrier on 127.0.0.1: `async with Simulator() as sim: ... sim.url`.

    - `port`: 0 takes a free one.
    - `account_sid`, `auth_token`: the credentials of the account that is there from the start (`sim.account`).
    - `numbers`: what that account owns, all registered; without it, a fictional number of every kind.
    - `callback_delay`: seconds between two statuses of a text.
    - `magic`: whether the magic recipients of the README do what the README says.
    - `routes`: where callbacks to a public URL go instead, such as
      `{"https://sms.example.com": "http://127.0.0.1:8000"}`; the signature keeps the public URL.

    Starting raises `OSError` if the port is in use. Everything is reached from one event loop.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        account_sid: str = DEFAULT_ACCOUNT_SID,
        auth_token: str = DEFAULT_AUTH_TOKEN,
        numbers: Iterable[str] | None = None,
        callback_delay: float = 0.05,
        magic: bool = True,
        routes: Mapping[str, str] | None = None,
    ) -> None:
        if callback_delay < 0:
            raise ValueError(f"callback_delay is {callback_delay}: use 0 or more seconds")
        self.faults = Faults({entry.number: entry.fault for entry in MAGIC_NUMBERS} if magic else None)
        self._callback_sender = CallbackSender(routes=routes)
        self._exchange = Exchange(
            faults=self.faults, callbacks=self._callback_sender, callback_delay=callback_delay
        )
        self.twilio = Twilio(self._exchange)
        self.account: TwilioAccount = self.twilio.account(account_sid, auth_token)
        if numbers is None:
            furnish(self.account)
        else:
            for number in numbers:
                self.account.number(number)
        self._wanted_port = port
        self._port: int | None = None
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Open the server and the callback client. Raises `OSError` if the port cannot be had."""
        if self._runner is not None:
            raise RuntimeError("this simulator was started before: make a new one")
        app = web.Application()
        app.add_routes(self.twilio.api.routes())
        app.add_routes(Inspection(self._exchange, reset=self.reset).routes())
        app.router.add_route("*", "/{rest:.*}", self._nowhere)
        # handler_cancellation: a client that goes away ends the fault that was holding its connection.
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, self._wanted_port, backlog=1024).start()
        except BaseException:
            await runner.cleanup()
            raise
        self._runner = runner
        self._port = runner.addresses[0][1]
        await self._callback_sender.start()

    async def aclose(self) -> None:
        """End every connection and callback and free the port. What was remembered stays readable."""
        self._exchange.let_go()
        if self._runner is not None:
            await self._runner.cleanup()
        await self._exchange.aclose()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    @property
    def port(self) -> int:
        """The port it listens on. Raises `RuntimeError` before it is started."""
        if self._port is None:
            raise RuntimeError("the simulator is not started: use `async with Simulator() as sim`")
        return self._port

    @property
    def url(self) -> str:
        """The address to give a carrier's SDK as its base URL, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    @property
    def texts(self) -> Sequence[Text]:
        """Every text that was taken, in order."""
        return self._exchange.memory.texts

    @property
    def requests(self) -> Sequence[SeenRequest]:
        """Every POST that was received whole, accepted or not, in order."""
        return self._exchange.memory.posts

    @property
    def lookups(self) -> Sequence[SeenRequest]:
        """Every other request that was received, in order: fetches and lists."""
        return self._exchange.memory.lookups

    @property
    def callbacks(self) -> Sequence[CallbackRecord]:
        """Every status callback, and what became of it: answered, failed, refused or lost."""
        return self._callback_sender.records

    @property
    def phones(self) -> PhoneNetwork:
        """The recipients: who is a landline, who said STOP."""
        return self._exchange.phones

    def texts_to(self, number: str) -> list[Text]:
        """The texts that were taken for this recipient, in order."""
        return self._exchange.memory.texts_to(number)

    async def settled(self, *, within: float = 10.0) -> None:
        """Wait until every text has its last status and every callback is out.

        Raises `TimeoutError` after `within` seconds. Scheduled texts are not waited for.
        """
        await self._exchange.settled(within=within)

    async def reset(self) -> None:
        """Forget texts, requests, callbacks, added faults, landlines and opt-outs; keep accounts and numbers."""
        await self._exchange.abandon()
        self._exchange.memory.reset()
        self._exchange.phones.reset()
        self._callback_sender.records.clear()
        self.faults.clear()

    async def _nowhere(self, request: web.Request) -> web.Response:
        body = await request.read()
        self._exchange.memory.see(
            SeenRequest(
                carrier="",
                method=request.method,
                path=request.path,
                query=tuple(request.query.items()),
                headers=(),
                body=body,
                outcome="refused 404",
            )
        )
        return web.json_response(
            {"error": f"no simulated carrier answers {request.method} {request.path}: check the base URL"},
            status=404,
        )
