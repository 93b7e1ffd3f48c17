"""Bodies that are too large, too slow, cut off or lied about, over a raw connection."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from midcall_simulator.retell import encode, now_ms, signed_headers
from tests.server.deployment import KEY, Served, serving

TOOL = "/platforms/retell/tools/send_sms"
LIMIT = 1_048_576


class Line:
    """A connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, served: Served) -> Line:
        """A new connection to the server."""
        parts = urlsplit(served.url)
        assert parts.hostname
        return cls(*await asyncio.open_connection(parts.hostname, parts.port))

    async def say(self, *lines: str, body: bytes = b"") -> None:
        """A head, and as much of a body."""
        head = "\r\n".join([f"POST {TOOL} HTTP/1.1", "Host: sms.example.com", *lines, "", ""])
        self.writer.write(head.encode() + body)
        await self.writer.drain()

    async def hear(self, *, within_s: float = 5.0) -> tuple[int, dict[str, str], Any]:
        """The answer: status, headers, body."""
        async with asyncio.timeout(within_s):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return int(head[0].split()[1]), headers, json.loads(body) if body else None

    async def ended(self, *, within_s: float = 5.0) -> bool:
        """Whether the server closes the connection."""
        try:
            async with asyncio.timeout(within_s):
                return await self.reader.read(1) == b""
        except ConnectionResetError:
            return True

    def hang_up(self) -> None:
        """Close it."""
        self.writer.close()


async def _sends_still(served: Served) -> bool:
    """Whether the server is none the worse for it."""
    return bool((await served.call_tool(served.a_call())).json["status"] == "accepted")


async def test_a_body_of_two_megabytes(served: Served) -> None:
    """413 with the setting's name, though it is signed; nothing is sent."""
    answer = await served.post_signed(TOOL, b" " * 2_000_000)
    assert answer.status == 413
    assert "server.max_body" in answer.json["fix"]


async def test_a_body_just_within_the_limit_is_read(served: Served) -> None:
    """The limit is the largest body that is taken, to the byte."""
    body = encode(served.a_call().invoke("send_sms"))
    assert (await served.post_signed(TOOL, body + b" " * (LIMIT - len(body)))).status == 200
    assert (await served.post_signed(TOOL, body + b" " * (LIMIT - len(body) + 1))).status == 413


@pytest.mark.parametrize("announced", [str(LIMIT + 1), "2000000", "000002000000", "9" * 18])
async def test_a_large_body_is_refused_before_it_comes(served: Served, announced: str) -> None:
    """The announced length is enough: 413 without a byte of the body, and the connection ends."""
    line = await Line.to(served)
    await line.say(f"Content-Length: {announced}")
    status, headers, answer = await line.hear()
    assert (status, headers["connection"], answer["status"]) == (413, "close", "rejected")
    assert await line.ended()
    line.hang_up()


async def test_whoever_asks_first_need_not_send_it(served: Served) -> None:
    """`Expect: 100-continue` with too large a body is answered 413, and never with "go on"."""
    line = await Line.to(served)
    await line.say("Content-Length: 2000000", "Expect: 100-continue")
    assert (await line.hear())[0] == 413
    line.hang_up()


async def test_a_chunked_body_is_counted(served: Served) -> None:
    """A body without a length is read up to the limit and no further: 413 while it is still coming."""
    line = await Line.to(served)
    await line.say("Transfer-Encoding: chunked")
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    sent = 0
    try:
        while sent < 64 * 65_536 and not line.reader._buffer:  # type: ignore[attr-defined]  # whether there is an answer yet
            line.writer.write(chunk)
            await asyncio.wait_for(line.writer.drain(), 5)
            sent += 65_536
            await asyncio.sleep(0)
    except ConnectionError:
        pass  # the server has closed already; its answer is still to be read
    assert (await line.hear())[0] == 413
    assert await line.ended()
    line.hang_up()


async def test_a_length_that_is_too_short(served: Served) -> None:
    """What goes beyond the announced length is no part of the body: the signature does not fit, nothing is sent."""
    body = encode(served.a_call().invoke("send_sms"))
    signature = signed_headers(body, key=KEY, at_ms=now_ms())["X-Retell-Signature"]
    line = await Line.to(served)
    await line.say(f"Content-Length: {len(body) - 10}", f"X-Retell-Signature: {signature}", body=body)
    async with asyncio.timeout(5):
        # 401 for the request that was cut, or 400 at once because what follows it is no request.
        assert (await line.reader.readline()).split()[1] in (b"400", b"401")
    line.hang_up()
    assert served.sim.requests == []
    assert await _sends_still(served)


@pytest.mark.parametrize("length", ["-1", "abc", "10, 20", "1e3"])
async def test_a_length_that_is_none(served: Served, length: str) -> None:
    """Not HTTP at all: 400, and the connection ends."""
    line = await Line.to(served)
    await line.say(f"Content-Length: {length}", body=b"{}")
    async with asyncio.timeout(5):
        assert (await line.reader.readline()).startswith(b"HTTP/1.1 400")
    line.hang_up()
    assert await _sends_still(served)


async def test_a_length_and_chunks_at_once(served: Served) -> None:
    """Two lengths are how requests are smuggled past a proxy: not taken."""
    line = await Line.to(served)
    await line.say("Content-Length: 4", "Transfer-Encoding: chunked", body=b"0\r\n\r\n")
    async with asyncio.timeout(5):
        assert (await line.reader.readline()).startswith((b"HTTP/1.1 400", b"HTTP/1.1 401"))
    line.hang_up()
    assert served.sim.requests == []


async def test_a_body_that_trickles(ledger: Path) -> None:
    """A byte now and then keeps nobody waiting for ever: 408 when the time for a body is over, and the connection ends."""
    async with serving(ledger, patience_s=0.5) as served:
        line = await Line.to(served)
        began = asyncio.get_running_loop().time()
        await line.say("Content-Length: 1000")

        async def trickle() -> None:
            while True:
                line.writer.write(b" ")
                await asyncio.sleep(0.05)

        trickling = asyncio.create_task(trickle())
        status, headers, answer = await line.hear()
        trickling.cancel()
        assert (status, headers["connection"]) == (408, "close")
        assert "0.5 s" in answer["error"]
        assert asyncio.get_running_loop().time() - began < 2
        line.hang_up()
        assert await _sends_still(served)


async def test_many_that_trickle_hold_nobody_up(ledger: Path) -> None:
    """While two hundred bodies trickle, an agent is answered as ever."""
    async with serving(ledger, patience_s=2.0) as served:
        lines = [await Line.to(served) for _ in range(200)]
        for line in lines:
            await line.say("Content-Length: 1000", body=b"{")
        began = asyncio.get_running_loop().time()
        assert await _sends_still(served)
        assert asyncio.get_running_loop().time() - began < 1.5
        assert {(await line.hear(within_s=10))[0] for line in lines} == {408}
        for line in lines:
            line.hang_up()


async def test_a_sender_that_hangs_up_in_the_middle(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    """Half a body and then nothing: no answer, no traceback, no text."""
    with caplog.at_level("INFO", logger="midcall.server"):
        line = await Line.to(served)
        await line.say("Content-Length: 1000", body=b'{"name": "send_sms"')
        await asyncio.sleep(0.1)
        line.hang_up()
        async with asyncio.timeout(5):
            while "hung up" not in caplog.text:
                await asyncio.sleep(0.02)
    assert "Traceback" not in caplog.text
    assert await _sends_still(served)
    assert len(served.sim.requests) == 1


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"\r\n" * 500, "GÉT / HTTP/1.1\r\n\r\n".encode()]
)
async def test_what_is_not_http(served: Served, garbage: bytes) -> None:
    """TLS on the plain port, half a request, garbage: the server lives on."""
    line = await Line.to(served)
    line.writer.write(garbage)
    await line.writer.drain()
    await asyncio.sleep(0.05)
    line.hang_up()
    assert await _sends_still(served)


async def test_a_path_longer_than_http_servers_read(served: Served) -> None:
    """Longer than 64 KiB: 400 or 404, and the server lives on."""
    line = await Line.to(served)
    line.writer.write(b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    async with asyncio.timeout(5):
        assert (await line.reader.readline()).split()[1] in (b"400", b"404")
    line.hang_up()
    assert await _sends_still(served)
