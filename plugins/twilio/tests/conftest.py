"""A server that speaks raw TCP, so that it can fail in ways no HTTP library would, and carriers that talk to it."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from midcall.contract.messages import OutboundMessage
from midcall_twilio import Twilio, TwilioSettings

ACCOUNT_SID = "AC" + "0123456789abcdef" * 2
AUTH_TOKEN = "not-a-real-token-but-a-secret"
SID = "SM" + "0123456789abcdef" * 2
OURS = "+12025550100"
CALLER = "+12025550142"


@dataclass(frozen=True)
class Seen:
    """One request that arrived whole."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query)

    @property
    def form(self) -> dict[str, list[str]]:
        return parse_qs(self.body.decode(), keep_blank_values=True)


class Connection:
    """One connection, as a script sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def reply(self, status: int, body: object = b"", **headers: str) -> None:
        """A whole HTTP answer; anything but bytes is sent as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [
            f"HTTP/1.1 {status} Word",
            f"Content-Length: {len(content)}",
            "Content-Type: application/json",
        ]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)

    def reset(self) -> None:
        """RST: what the system sends for a socket closed with nothing lingering."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Script = Callable[[Seen, Connection], Awaitable[None]]


@dataclass
class RawServer:
    """Keeps every request that arrived whole, and answers by `script`; a script that returns without a reply closes."""

    script: Script
    seen: list[Seen] = field(default_factory=list)
    on_connect: Callable[[Connection], Awaitable[bool]] | None = None
    """Asked first; False ends the connection before anything is read."""
    connections: int = 0
    port: int = 0
    keep_alive: bool = True
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def posts(self) -> list[Seen]:
        return [one for one in self.seen if one.method == "POST"]

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    async def aclose(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        connection = Connection(reader, writer)
        try:
            if self.on_connect is not None and not await self.on_connect(connection):
                return
            while (seen := await self._read(reader)) is not None:
                self.seen.append(seen)
                await self.script(seen, connection)
                if writer.is_closing() or not self.keep_alive:
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    @staticmethod
    async def _read(reader: asyncio.StreamReader) -> Seen | None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines if line)
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        return Seen(method, target, headers, body)


def message_json(**changes: object) -> dict[str, object]:
    """What Twilio answers to a send."""
    return {
        "sid": SID,
        "status": "queued",
        "error_code": None,
        "error_message": None,
        "body": "hello",
        "to": CALLER,
        "from": OURS,
        "num_segments": "1",
        "num_media": "0",
        "direction": "outbound-api",
        "date_created": "Mon, 23 Nov 2026 20:00:00 +0000",
        **changes,
    }


async def accept(_seen: Seen, connection: Connection) -> None:
    """The script of a Twilio that takes everything."""
    await connection.reply(201, message_json())


def text(**changes: Any) -> OutboundMessage:
    """A text of ours, ready to be sent."""
    values: dict[str, Any] = {
        "id": "0190a1b2-0000-7000-8000-000000000001",
        "attempt": 1,
        "account": "twilio",
        "sender": OURS,
        "destination": CALLER,
        "text": "hello",
        "validity_s": 600,
        "status_url": "https://sms.example.com/carriers/twilio/status?m=0190a1b2&a=1",
        **changes,
    }
    return OutboundMessage(**values)


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="session", autouse=True)
def _sdk_loaded() -> None:
    """As the host does before the first call: the first test's time is not the SDK's import."""
    Twilio.load_sdk()


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    """A raw server that takes every text until a test gives it another script."""
    started = RawServer(accept)
    await started.start()
    yield started
    await started.aclose()


MakeCarrier = Callable[..., Twilio]


@pytest.fixture
async def make_carrier(server: RawServer) -> AsyncIterator[MakeCarrier]:
    """Carriers that talk to the raw server, closed at the end."""
    made: list[Twilio] = []

    def make(**settings: Any) -> Twilio:
        values = {
            "account_sid": ACCOUNT_SID,
            "auth_token": AUTH_TOKEN,
            "base_url": server.url,
            "timeout": 1.0,
            **settings,
        }
        carrier = Twilio("twilio", TwilioSettings.model_validate(values))
        made.append(carrier)
        return carrier

    yield make
    for carrier in made:
        await carrier.aclose()


@pytest.fixture
def twilio(make_carrier: MakeCarrier) -> Twilio:
    """An ordinary account."""
    return make_carrier()


@dataclass(frozen=True)
class Kit:
    """What test modules need of this file: in pytest's importlib mode they cannot import it when they run."""

    text: Callable[..., OutboundMessage]
    message_json: Callable[..., dict[str, object]]
    accept: Script
    ACCOUNT_SID: str = ACCOUNT_SID
    AUTH_TOKEN: str = AUTH_TOKEN
    SID: str = SID
    OURS: str = OURS
    CALLER: str = CALLER


@pytest.fixture
def kit() -> Kit:
    """Constants and values of this file."""
    return Kit(text=text, message_json=message_json, accept=accept)
