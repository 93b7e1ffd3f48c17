"""Every way the network and Twilio can fail one send: what comes of it, and that the text left at most once."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import TYPE_CHECKING

import pytest

from midcall.contract.reasons import Reason
from midcall.contract.results import Accepted, NotProcessed, Refused, Scope, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from midcall_twilio import Twilio
    from plugins.twilio.tests.conftest import Connection, Kit, MakeCarrier, RawServer, Seen


async def _fin(_seen: Seen, connection: Connection) -> None:
    connection.writer.close()


async def _rst(_seen: Seen, connection: Connection) -> None:
    connection.reset()


async def _hang(_seen: Seen, connection: Connection) -> None:
    await connection.reader.read()


async def _drip(_seen: Seen, connection: Connection) -> None:
    await connection.write(b"HTTP/1.1 201 Created\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(100):
        await connection.write(b" ")
        await asyncio.sleep(0.05)


async def _half(_seen: Seen, connection: Connection) -> None:
    await connection.write(b'HTTP/1.1 201 Created\r\nContent-Length: 1000\r\n\r\n{"sid": "SM')
    connection.writer.close()


async def _no_http(_seen: Seen, connection: Connection) -> None:
    await connection.write(b"220 smtp.example.com ready\r\n\r\n")
    connection.writer.close()


async def _endless(_seen: Seen, connection: Connection) -> None:
    await connection.write(b"HTTP/1.1 201 Created\r\nContent-Length: 99999999\r\n\r\n")
    for _ in range(200):
        await connection.write(b" " * 65_536)


@pytest.mark.parametrize("script", [_fin, _rst, _hang, _drip, _half, _no_http, _endless])
async def test_after_the_request_has_left_everything_is_unknown_and_it_left_once(
    server: RawServer, twilio: Twilio, kit: Kit, script: Callable[..., object]
) -> None:
    """Once the request was written, no failure is retried and none counts as "not sent"."""
    server.script = script  # type: ignore[assignment]  # each is a script; parametrize loses the type
    result = await twilio.send(kit.text())
    assert isinstance(result, Unknown)
    assert result.detail
    assert len(server.posts) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>busy</html>",
        b"[]",
        b"null",
        b"{}",
        b'"text"',
        b'{"sid": null}',
        b'{"sid": 7}',
        b"\xff\xfe",
        b'{"sid": "SM1", "error_code": "x"',
    ],
)
async def test_a_success_without_a_readable_id_is_unknown(
    server: RawServer, twilio: Twilio, kit: Kit, body: bytes
) -> None:
    """A 201 that cannot be read says nothing about whether the text was taken."""

    async def answer(_seen: Seen, connection: Connection) -> None:
        await connection.reply(201, body)

    server.script = answer
    result = await twilio.send(kit.text())
    assert isinstance(result, Unknown)
    assert len(server.posts) == 1


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (302, Unknown),
        (400, Refused),
        (401, Refused),
        (403, Refused),
        (404, Refused),
        (408, Unknown),
        (409, Unknown),
        (422, Refused),
        (425, Unknown),
        (429, NotProcessed),
        (500, Unknown),
        (502, Unknown),
        (503, Unknown),
        (504, Unknown),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]"])
async def test_an_error_status_without_a_code_follows_cores_reading(
    server: RawServer, twilio: Twilio, kit: Kit, status: int, expected: type, body: bytes
) -> None:
    """Without a Twilio code the HTTP status decides; 503 may have sent. One POST for each."""

    async def answer(_seen: Seen, connection: Connection) -> None:
        await connection.reply(status, body, Location="/elsewhere")

    server.script = answer
    result = await twilio.send(kit.text())
    assert isinstance(result, expected)
    assert len(server.posts) == 1


async def test_a_code_beside_a_5xx_does_not_make_it_certain(
    server: RawServer, twilio: Twilio, kit: Kit
) -> None:
    """A server error is unknown whatever its body claims."""

    async def answer(_seen: Seen, connection: Connection) -> None:
        await connection.reply(500, {"code": 21610, "message": "unsubscribed", "status": 500})

    server.script = answer
    assert isinstance(await twilio.send(kit.text()), Unknown)


async def test_a_refused_connection_is_not_processed(make_carrier: MakeCarrier, kit: Kit) -> None:
    """Nobody listening: certainly nothing left."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can take the port meanwhile
        carrier = make_carrier(base_url=f"http://127.0.0.1:{taken.getsockname()[1]}")
        result = await carrier.send(kit.text())
    assert isinstance(result, NotProcessed)
    assert result.retry_after is None
    assert "ClientConnectorError" in result.detail


async def test_a_name_that_cannot_be_looked_up_is_not_processed(
    make_carrier: MakeCarrier, kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A DNS failure comes before the wire."""

    async def fails(*_arguments: object, **_options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", fails)
    carrier = make_carrier(base_url="http://carrier.invalid")
    assert isinstance(await carrier.send(kit.text()), NotProcessed)


async def test_a_failed_tls_handshake_is_not_processed(
    server: RawServer, make_carrier: MakeCarrier, kit: Kit
) -> None:
    """The request is only written inside TLS: without it nothing of the text left."""
    server.on_connect = _talk_no_tls
    carrier = make_carrier(base_url=server.url.replace("http:", "https:"))
    assert isinstance(await carrier.send(kit.text()), NotProcessed)
    assert not server.seen


async def _talk_no_tls(connection: Connection) -> bool:
    await connection.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    return False


async def test_a_server_that_never_finishes_the_handshake_is_not_processed_within_the_timeout(
    server: RawServer, make_carrier: MakeCarrier, kit: Kit
) -> None:
    """The connect timeout covers TLS, and a timeout before the request was written is `NotProcessed`."""

    async def silent(connection: Connection) -> bool:
        await connection.reader.read()
        return False

    server.on_connect = silent
    carrier = make_carrier(base_url=server.url.replace("http:", "https:"), timeout=0.4)
    began = time.monotonic()
    assert isinstance(await carrier.send(kit.text()), NotProcessed)
    assert time.monotonic() - began < 1.5


async def test_a_connection_closed_before_it_was_read_is_unknown(
    server: RawServer, twilio: Twilio, kit: Kit
) -> None:
    """We cannot see how much the other side read: accepted and closed is unknown, and nothing is tried again."""

    async def close(_connection: Connection) -> bool:
        return False

    server.on_connect = close
    assert isinstance(await twilio.send(kit.text()), Unknown)
    assert not server.posts
    assert server.connections == 1


async def test_a_post_on_a_connection_that_died_idle_is_not_replayed(
    server: RawServer, twilio: Twilio, kit: Kit
) -> None:
    """The server takes one text and closes on reading the next: aiohttp replays such requests only for idempotent methods."""
    assert isinstance(await twilio.send(kit.text()), Accepted)
    server.script = _fin
    assert isinstance(await twilio.send(kit.text()), Unknown)
    assert len(server.posts) == 2
    assert server.connections == 1


async def test_a_connection_the_server_closed_while_idle_is_not_used(
    server: RawServer, twilio: Twilio, kit: Kit
) -> None:
    """When the close was seen in time, the next text goes over a new connection and is simply accepted."""
    server.keep_alive = False
    assert isinstance(await twilio.send(kit.text()), Accepted)
    await asyncio.sleep(0.05)
    assert isinstance(await twilio.send(kit.text()), Accepted)
    assert server.connections == 2
    assert len(server.posts) == 2


@pytest.mark.parametrize("script", [_hang, _drip])
async def test_the_timeout_holds_for_the_whole_request(
    server: RawServer, make_carrier: MakeCarrier, kit: Kit, script: Callable[..., object]
) -> None:
    """`timeout` bounds all of it, a body that keeps dripping included."""
    server.script = script  # type: ignore[assignment]  # each is a script; parametrize loses the type
    carrier = make_carrier(timeout=0.5)
    began = time.monotonic()
    assert isinstance(await carrier.send(kit.text()), Unknown)
    assert 0.4 < time.monotonic() - began < 1.5


async def test_cancelling_a_send_cancels_it(server: RawServer, twilio: Twilio, kit: Kit) -> None:
    """Cancellation is the host's and is not turned into a result."""
    server.script = _hang
    sending = asyncio.ensure_future(twilio.send(kit.text()))
    while not server.posts:
        await asyncio.sleep(0.01)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    server.script = kit.accept
    assert isinstance(await twilio.send(kit.text()), Accepted)


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [("2", 2, 2), ("0.5", 0.5, 0.5), ("999999999", 3600, 3600), ("Mon, 23 Nov 2020 20:00:00 GMT", 0, 0)],
)
async def test_a_429_says_when_to_come_back(
    server: RawServer, twilio: Twilio, kit: Kit, header: str, low: float, high: float
) -> None:
    """20429 is not processed [twilio.com/docs/api/errors/20429]; Retry-After is passed on, in seconds."""

    async def answer(_seen: Seen, connection: Connection) -> None:
        await connection.reply(
            429, {"code": 20429, "message": "Too Many Requests", "status": 429}, Retry_After=header
        )

    server.script = answer
    result = await twilio.send(kit.text())
    assert isinstance(result, NotProcessed)
    assert result.code == "20429"
    assert result.retry_after is not None
    assert low <= result.retry_after <= high
    assert len(server.posts) == 1


async def test_an_rfc_9457_answer_is_read_by_its_code(server: RawServer, twilio: Twilio, kit: Kit) -> None:
    """`TwilioServiceException` is not a `TwilioRestException`; both are read."""

    async def answer(_seen: Seen, connection: Connection) -> None:
        await connection.reply(
            400,
            {
                "type": "https://www.twilio.com/docs/api/errors/21610",
                "title": "Refused",
                "status": 400,
                "code": 21610,
                "detail": f"{kit.CALLER} has unsubscribed",
            },
        )

    server.script = answer
    result = await twilio.send(kit.text())
    assert isinstance(result, Refused)
    assert (result.reason, result.scope) == (Reason.OPTED_OUT, Scope.DESTINATION)
    assert kit.CALLER not in result.detail
    assert "has unsubscribed" in result.detail
