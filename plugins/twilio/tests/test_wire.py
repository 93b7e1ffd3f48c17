"""The connections themselves: pools, event loops, proxies, and nobody reading another's answer."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from midcall.contract.results import Accepted, NotProcessed, Unknown
from midcall_twilio import Twilio, TwilioSettings
from midcall_twilio.wire import AnswerTooLarge, NotWritten, Wire, _words

if TYPE_CHECKING:
    from pathlib import Path

    import aiohttp

    from plugins.twilio.tests.conftest import Connection, Kit, MakeCarrier, RawServer, Seen


async def _echo(seen: Seen, connection: Connection) -> None:
    """Answers each text with an id made of its words, the later the earlier it came."""
    body = seen.form["Body"][0]
    await asyncio.sleep(0.3 - int(body) * 0.003)
    await connection.reply(201, {"sid": f"SM{body}", "status": "queued"})


async def test_96_texts_at_once_each_get_their_own_answer(
    server: RawServer, make_carrier: MakeCarrier, kit: Kit
) -> None:
    """Twilio's own asyncio client mixed 74 of 96 up when its pool was off; nothing is shared here."""
    server.script = _echo
    carrier = make_carrier(timeout=5.0)
    results = await asyncio.gather(*(carrier.send(kit.text(text=str(number))) for number in range(96)))
    ids = [result.carrier_id for result in results if isinstance(result, Accepted)]
    assert ids == [f"SM{number}" for number in range(96)]
    assert len(server.posts) == 96


async def test_waiting_for_a_free_connection_is_not_processed(
    server: RawServer, make_carrier: MakeCarrier, kit: Kit
) -> None:
    """With every connection busy the connect timeout ends the wait, and nothing of that text left."""

    async def hang(_seen: Seen, connection: Connection) -> None:
        await connection.reader.read()

    server.script = hang
    carrier = make_carrier(timeout=1.0)
    wire = carrier._wire
    pool = await wire._pool()
    assert pool.session.connector is not None
    pool.session.connector._limit = 1
    first = asyncio.ensure_future(carrier.send(kit.text()))
    while not server.posts:
        await asyncio.sleep(0.01)
    assert isinstance(await carrier.send(kit.text()), NotProcessed)
    assert len(server.posts) == 1
    await first


def test_one_carrier_in_two_event_loops_at_once(kit: Kit) -> None:
    """Connections belong to a loop: each has its own, and closing in one closes both."""
    carrier: Twilio | None = None
    ready = threading.Event()
    done = threading.Event()
    outcomes: list[Any] = []

    async def serve_and_send() -> None:
        nonlocal carrier
        server = await asyncio.start_server(_tiny, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        carrier = Twilio(
            "twilio",
            TwilioSettings.model_validate(
                {
                    "account_sid": kit.ACCOUNT_SID,
                    "auth_token": "t",
                    "base_url": f"http://127.0.0.1:{port}",
                    "timeout": 5,
                }
            ),
        )
        outcomes.append(await carrier.send(kit.text()))
        ready.set()
        await asyncio.to_thread(done.wait, 10)
        server.close()

    def in_another_thread() -> None:
        assert ready.wait(10)

        async def send() -> None:
            assert carrier is not None
            outcomes.append(await carrier.send(kit.text()))
            await carrier.aclose()
            await carrier.aclose()

        try:
            asyncio.run(send())
        finally:
            done.set()

    other = threading.Thread(target=in_another_thread)
    other.start()
    asyncio.run(serve_and_send())
    other.join(10)
    assert [type(outcome) for outcome in outcomes] == [Accepted, Accepted]


async def _tiny(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            break
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        )
        await reader.readexactly(length)
        body = json.dumps({"sid": "SM1", "status": "queued"}).encode()
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
    writer.close()


def test_event_loops_one_after_the_other() -> None:
    """A loop that ended without closing leaves nothing in the way of the next, and nothing open."""
    wire = Wire(timeout=5.0)

    async def last(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async def ask(*, close: bool) -> aiohttp.ClientSession:
        server = await asyncio.start_server(last, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        answer = await wire.request("GET", url, headers={})
        assert answer.status == 200
        session = (await wire._pool()).session
        if close:
            await wire.aclose()
        server.close()
        await asyncio.sleep(0.05)
        return session

    left_open = asyncio.run(ask(close=False))
    assert not left_open.closed
    asyncio.run(ask(close=True))
    assert left_open.closed


async def test_closing_twice_and_sending_again(twilio: Twilio, kit: Kit) -> None:
    """`aclose` lets go of connections and may be called at any time, before the first send too."""
    await twilio.aclose()
    assert isinstance(await twilio.send(kit.text()), Accepted)
    await twilio.aclose()
    await twilio.aclose()
    assert isinstance(await twilio.send(kit.text()), Accepted)


async def test_connections_are_reused(server: RawServer, twilio: Twilio, kit: Kit) -> None:
    """Texts after each other cost no new connection."""
    for _ in range(5):
        await twilio.send(kit.text())
    assert server.connections == 1


async def test_the_proxy_of_the_environment_is_used(
    server: RawServer, make_carrier: MakeCarrier, kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTP_PROXY and its credentials hold; the name is looked up by the proxy, not here."""
    monkeypatch.setenv("http_proxy", f"http://user:word@127.0.0.1:{server.port}")
    carrier = make_carrier(base_url="http://carrier.invalid")
    assert isinstance(await carrier.send(kit.text()), Accepted)
    (post,) = server.posts
    assert post.target.startswith("http://carrier.invalid/2010-04-01/")
    assert post.headers["proxy-authorization"] == "Basic dXNlcjp3b3Jk"


async def test_no_proxy_is_respected(
    server: RawServer, make_carrier: MakeCarrier, kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NO_PROXY names hosts that are reached directly."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert isinstance(await make_carrier().send(kit.text()), Accepted)
    assert server.posts[0].target.startswith("/")


async def test_a_proxy_that_refuses_is_not_processed(
    server: RawServer, make_carrier: MakeCarrier, kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A CONNECT that is refused, here for want of credentials, comes before the request."""

    async def refuse(connection: Connection) -> bool:
        await connection.reader.readuntil(b"\r\n\r\n")
        await connection.reply(407)
        return False

    server.on_connect = refuse
    monkeypatch.setenv("https_proxy", server.url)
    carrier = make_carrier(base_url="https://carrier.invalid")
    result = await carrier.send(kit.text())
    assert isinstance(result, NotProcessed)
    assert kit.AUTH_TOKEN not in repr(result)


async def test_a_netrc_file_is_not_read(
    server: RawServer, twilio: Twilio, kit: Kit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Credentials come from the account's settings alone."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password other\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    assert isinstance(await twilio.send(kit.text()), Accepted)
    assert "b3RoZXI6b3RoZXI" not in server.posts[0].headers["authorization"]


async def test_an_answer_larger_than_asked_for_is_not_read(server: RawServer) -> None:
    """The limit is on bytes read, whatever Content-Length says."""

    async def much(_seen: Seen, connection: Connection) -> None:
        await connection.reply(200, b"x" * 5_000)

    server.script = much
    wire = Wire(timeout=2.0)
    try:
        with pytest.raises(AnswerTooLarge):
            await wire.request("GET", server.url, headers={}, limit=4_999)
        answer = await wire.request("GET", server.url, headers={}, limit=5_000)
        assert len(answer.content) == 5_000
    finally:
        await wire.aclose()


async def test_closing_while_a_text_is_under_way_leaves_it_unknown(
    server: RawServer, make_carrier: MakeCarrier, kit: Kit
) -> None:
    """It had left: closing ends the wait at once and proves nothing about it."""

    async def hang(_seen: Seen, connection: Connection) -> None:
        await connection.reader.read()

    server.script = hang
    carrier = make_carrier(timeout=10.0)
    sending = asyncio.ensure_future(carrier.send(kit.text()))
    while not server.posts:
        await asyncio.sleep(0.01)
    await carrier.aclose()
    assert isinstance(await asyncio.wait_for(sending, 2.0), Unknown)


async def test_a_warm_connection_is_opened_once_and_used_by_the_first_text(
    server: RawServer, twilio: Twilio, kit: Kit
) -> None:
    """Warming up is one reading request; soon after another, nothing is asked."""

    async def answer(seen: Seen, connection: Connection) -> None:
        if seen.method == "GET":
            await connection.reply(200, {"incoming_phone_numbers": [], "page_size": 1})
        else:
            await kit.accept(seen, connection)

    server.script = answer
    await twilio.warm_up()
    await twilio.warm_up()
    assert isinstance(await twilio.send(kit.text()), Accepted)
    assert [one.method for one in server.seen] == ["GET", "POST"]
    assert server.connections == 1


@pytest.mark.parametrize("status", [401, 500])
async def test_warming_up_never_raises(server: RawServer, twilio: Twilio, status: int) -> None:
    """A call opens all the same."""

    async def answer(_seen: Seen, connection: Connection) -> None:
        await connection.reply(status)

    server.script = answer
    await twilio.warm_up()
    await server.aclose()
    await twilio.aclose()
    await twilio.warm_up()


def test_the_words_of_a_failure_hold_no_address() -> None:
    """Only the kind of error and the system's own word for it are shown."""
    assert (
        _words(ConnectionRefusedError(111, "Connection refused"))
        == "ConnectionRefusedError: Connection refused"
    )
    assert _words(TimeoutError()) == "TimeoutError"
    assert issubclass(NotWritten, Exception)
