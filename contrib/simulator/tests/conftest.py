"""What the simulator's tests share: a started simulator, the real SDK, a place for receipts, and a raw socket."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from aiohttp import web
from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]  # no py.typed
from twilio.rest import Client  # type: ignore[import-untyped]  # no py.typed

from midcall_simulator import DEFAULT_ACCOUNT_SID, DEFAULT_AUTH_TOKEN, Simulator


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """A simulator of its own for each test, with quick receipts."""
    async with Simulator(callback_delay=0.01) as simulator:
        yield simulator


@pytest.fixture
def sdk(sim: Simulator) -> Iterator[Client]:
    """The real Twilio SDK, pointed at the simulator. Call it in a thread: it blocks."""
    http = TwilioHttpClient(timeout=5)
    client = Client(
        DEFAULT_ACCOUNT_SID, DEFAULT_AUTH_TOKEN, http_client=http, environment={"TEST": "no edge, no region"}
    )
    client.api.base_url = client.messaging.base_url = sim.url
    yield client
    assert http.session is not None
    http.session.close()


@dataclass
class Receiver:
    """A customer's server: keeps every receipt, and answers with the next of `answers` (200 when there is none; 307 leads elsewhere)."""

    url: str = ""
    receipts: list[tuple[Mapping[str, str], dict[str, str]]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    @property
    def statuses(self) -> list[str]:
        """The MessageStatus of every receipt, in order of arrival."""
        return [form["MessageStatus"] for _, form in self.receipts]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A loopback server for status callbacks."""
    kept = Receiver()

    async def take(request: web.Request) -> web.Response:
        kept.receipts.append((dict(request.headers), dict(parse_qsl(await request.text()))))
        kept.paths.append(request.path)
        status = kept.answers.pop(0) if kept.answers else 200
        return web.Response(status=status, headers={"Location": "/elsewhere"} if status == 307 else None)

    app = web.Application()
    app.router.add_post("/{path:.*}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    kept.url = f"http://127.0.0.1:{runner.addresses[0][1]}/status"
    yield kept
    await runner.cleanup()


@dataclass(frozen=True)
class Heard:
    """What a raw socket heard: how it ended, and the answer if there was one."""

    ended: str
    """`answer`, `fin`, `rst` or `silence` (nothing at all before the patience ran out)."""
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def message(to: str = "+12025550142", **others: str) -> list[tuple[str, str]]:
    """The form of an ordinary text, with other parameters added."""
    return [("To", to), ("From", "+12025550100"), ("Body", "hello"), *others.items()]


async def speak(sim: Simulator, raw: bytes, *, patience: float = 5.0) -> Heard:
    """Write these bytes to the simulator and listen until an answer is whole, the connection ends, or patience does."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    reader, writer = await asyncio.open_connection("127.0.0.1", sim.port)
    try:
        writer.write(raw)
        await writer.drain()
        async with asyncio.timeout(patience):
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
        status = int(lines[0].split()[1])
        return Heard("answer", status=status, headers=headers, body=body, seconds=loop.time() - began)
    except TimeoutError:
        return Heard("silence", seconds=loop.time() - began)
    except ConnectionResetError:
        return Heard("rst", seconds=loop.time() - began)
    except asyncio.IncompleteReadError as cut:
        return Heard("fin" if not cut.partial else "half", body=cut.partial, seconds=loop.time() - began)
    finally:
        writer.close()


def http(
    method: str,
    path: str,
    *,
    form: Sequence[tuple[str, str]] | None = None,
    body: bytes | None = None,
    auth: tuple[str, str] | None = (DEFAULT_ACCOUNT_SID, DEFAULT_AUTH_TOKEN),
    content_type: str = "application/x-www-form-urlencoded",
) -> bytes:
    """An HTTP/1.1 request as bytes."""
    content = body if body is not None else urlencode(form or []).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(content)}"]
    if content:
        lines.append(f"Content-Type: {content_type}")
    if auth is not None:
        lines.append("Authorization: Basic " + base64.b64encode(":".join(auth).encode()).decode())
    return "\r\n".join([*lines, "", ""]).encode() + content


MESSAGES = f"/2010-04-01/Accounts/{DEFAULT_ACCOUNT_SID}/Messages.json"


@pytest.fixture
def wire_to() -> Callable[[Simulator], Wire]:
    """Makes a raw-socket client of another simulator."""
    return Wire


@pytest.fixture
def wire(sim: Simulator) -> Wire:
    """A raw-socket client of the simulator."""
    return Wire(sim)


class Wire:
    """A raw-socket client: no SDK, no retries, and the end of a connection told as it was."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim

    async def raw(self, raw: bytes) -> Heard:
        """These very bytes."""
        return await speak(self._sim, raw)

    async def send(self, to: str = "+12025550142", *, patience: float = 5.0, **others: str) -> Heard:
        """POST an ordinary text."""
        return await self.post(message(to, **others), patience=patience)

    async def post(self, form: Sequence[tuple[str, str]], *, patience: float = 5.0, **how: Any) -> Heard:
        """POST this form to Messages."""
        return await speak(self._sim, http("POST", MESSAGES, form=form, **how), patience=patience)

    async def ask(self, method: str, path: str, **how: Any) -> Heard:
        """Any other request."""
        return await speak(self._sim, http(method, path, **how))
