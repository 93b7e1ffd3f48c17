"""A whole deployment for one test: simulated carrier, Midcall with the Twilio and Retell plugins, and its server on loopback."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import uvicorn
from yarl import URL

from midcall import Midcall, Settings, load_settings
from midcall.server import create_app
from midcall.server.serving import listen
from midcall_simulator import DEFAULT_ACCOUNT_SID, DEFAULT_AUTH_TOKEN, RetellCall, Simulator
from midcall_simulator.retell import encode, now_ms, signed_headers
from midcall_simulator.twilio.signatures import signature_headers
from tests.server.description import check_answer

KEY = "key_of_the_workspace"
TOKEN = "token-of-the-api"
PUBLIC = "https://sms.example.com"
AGENT = "+12025550100"
CALLER = "+12025550142"
TEXT = "Hi {{name}}, here is your link: https://example.com/b"


@dataclass(frozen=True, slots=True)
class Answered:
    """One HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


@dataclass(slots=True)
class Served:
    """The running deployment, and a client that checks every answer against the description."""

    midcall: Midcall
    sim: Simulator
    url: str
    session: aiohttp.ClientSession
    calls: int = 0

    async def ask(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        described: bool = True,
    ) -> Answered:
        """One request, byte for byte as given; `path` may have a query. `described`: the answer has to be as described."""
        address = URL(self.url + path, encoded=True)
        if isinstance(body, bytes) and len(body) > 500_000:
            body = io.BytesIO(body)  # aiohttp warns of large bodies that are given whole
        async with self.session.request(method, address, data=body, headers=headers) as response:
            content = await response.read()
            answered = Answered(
                response.status, {name.lower(): value for name, value in response.headers.items()}, content
            )
        if described:
            check_answer(method, path.partition("?")[0], answered.status, answered.headers, content)
        return answered

    async def get(self, path: str, *, token: str | None = TOKEN) -> Answered:
        """A page of the read API."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return await self.ask("GET", path, headers=headers)

    def a_call(self, *, caller: str | None = CALLER, web: bool = False, **variables: str) -> RetellCall:
        """A new inbound call, or one from a browser."""
        self.calls += 1
        given = {"name": "Ann"} | variables
        if web:
            return RetellCall(f"call_{self.calls}", variables=given)
        return RetellCall(f"call_{self.calls}", caller, AGENT, "inbound", variables=given)

    async def post_signed(
        self, path: str, payload: Mapping[str, object] | bytes, *, key: str = KEY, late_s: float = 0
    ) -> Answered:
        """What Retell posts: `payload` signed with `key`, `late_s` seconds ago."""
        body = payload if isinstance(payload, bytes) else encode(payload)
        headers = signed_headers(body, key=key, at_ms=now_ms() - int(late_s * 1000))
        return await self.ask("POST", path, body=body, headers=headers)

    async def call_tool(self, call: RetellCall, tool: str = "send_sms", **arguments: object) -> Answered:
        """A new tool call of an agent."""
        return await self.post_signed(f"/platforms/retell/tools/{tool}", call.invoke(tool, arguments))

    async def callback(
        self,
        form: Mapping[str, str],
        *,
        query: str = "",
        account: str = "twilio",
        token: str = DEFAULT_AUTH_TOKEN,
        signed: bool = True,
        public: str = PUBLIC,
    ) -> Answered:
        """What Twilio posts: a form, signed for the public address."""
        path = f"/carriers/{account}/status{query}"
        pairs = list(form.items())
        headers = signature_headers(public + path, pairs, auth_token=token) if signed else {}
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        return await self.ask("POST", path, body=urlencode(pairs).encode(), headers=headers)


def receipt(sid: str, status: str, **others: str) -> dict[str, str]:
    """The fields of a status callback."""
    return {"MessageSid": sid, "MessageStatus": status, "AccountSid": DEFAULT_ACCOUNT_SID} | others


def settings_for(
    sim_url: str, ledger: Path, *, tools: Mapping[str, Any] | None = None, **server: Any
) -> Settings:
    """Settings of a deployment whose one account is the simulated carrier's."""
    content = {"type": "predefined", "text": TEXT}
    return load_settings(
        environ={},
        overrides={
            "server": {"ledger": f"sqlite:///{ledger}", "public_url": PUBLIC, "token": TOKEN} | server,
            "platforms": {"retell": {"api_key": KEY}},
            "accounts": {
                "twilio": {
                    "account_sid": DEFAULT_ACCOUNT_SID,
                    "auth_token": DEFAULT_AUTH_TOKEN,
                    "base_url": sim_url,
                    "timeout": 3.0,
                }
            },
            "tools": tools or {"send_sms": {"type": "send_sms", "sms_content": content}},
        },
    )


@asynccontextmanager
async def running(app: Any, url: str, listening: Any) -> AsyncIterator[None]:
    """An ASGI application on uvicorn, on a socket that is bound already."""
    config = uvicorn.Config(
        app, lifespan="on", log_config=None, access_log=False, server_header=False, ws="none"
    )
    server = uvicorn.Server(config)
    # Not `serve`, which takes the process's signals.
    task = asyncio.create_task(server._serve(sockets=[listening]))
    try:
        async with asyncio.timeout(10):
            while not server.started:
                assert not task.done(), f"the server for {url} ended: {task.exception()}"
                await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, 20)


Mount = Callable[[Any], Any]


@asynccontextmanager
async def serving(
    ledger: Path,
    *,
    tools: Mapping[str, Any] | None = None,
    patience_s: float = 10.0,
    mount: Mount = lambda app: app,
    start: bool = True,
    **server: Any,
) -> AsyncIterator[Served]:
    """The deployment, running. Keywords go into `[server]`; `mount` may put the application into another one."""
    listening = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with Simulator(callback_delay=0.02, routes={PUBLIC: url}) as sim:
        midcall = Midcall(settings_for(sim.url, ledger, tools=tools, **server))
        if start:
            await midcall.start()
        try:
            app = mount(create_app(midcall, patience_s=patience_s))
            async with running(app, url, listening), aiohttp.ClientSession() as session:
                yield Served(midcall, sim, url, session)
        finally:
            await midcall.aclose()


def quoted(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe="")
