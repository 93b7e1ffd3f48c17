"""`midcall serve` as people run it: where it listens, what keeps it from starting, how it stops, what it writes."""

from __future__ import annotations

import asyncio
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from midcall_simulator import DEFAULT_AUTH_TOKEN, Fault, FaultKind, RetellCall, Simulator
from midcall_simulator.retell import encode, now_ms, signed_headers
from midcall_simulator.twilio.signatures import signature_headers
from tests.server.deployment import AGENT, CALLER, KEY, PUBLIC, TOKEN, receipt
from tests.server.processes import environment, serve, write_settings

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals"),
]

EVERYWHERE = "0.0.0.0"  # noqa: S104 - that it is not listened on unasked is what is tested


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """The simulated carrier."""
    async with Simulator(callback_delay=0.02) as simulator:
        yield simulator


@pytest.fixture
def folder(tmp_path: Path, sim: Simulator) -> Path:
    """A working folder with settings in it."""
    write_settings(tmp_path, carrier=sim.url)
    return tmp_path


async def _call_tool(
    url: str, call: RetellCall, *, session: aiohttp.ClientSession, tool: str = "send_sms"
) -> dict[str, object]:
    body = encode(call.invoke(tool))
    headers = signed_headers(body, key=KEY, at_ms=now_ms())
    async with session.post(f"{url}/platforms/retell/tools/{tool}", data=body, headers=headers) as response:
        assert response.status == 200
        answer: dict[str, object] = await response.json()
        return answer


def _a_call(number: int = 1, caller: str = CALLER) -> RetellCall:
    return RetellCall(f"call_{number}", caller, AGENT, "inbound", variables={"name": "Ann"})


def _states(folder: Path) -> list[str]:
    look = sqlite3.connect(folder / "midcall.db")
    try:
        return [state for (state,) in look.execute("SELECT state FROM messages ORDER BY id")]
    finally:
        look.close()


# Starting -------------------------------------------------------------------------------------------------------------


async def test_on_loopback_and_ready_when_it_says_so(folder: Path) -> None:
    """Without a word about where, it listens on 127.0.0.1 only; the very first request after the line is answered."""
    async with serve(folder) as server, aiohttp.ClientSession() as session:
        assert server.url.startswith("http://127.0.0.1:")
        async with session.get(f"{server.url}/readyz") as response:
            assert response.status == 200
            assert "Server" not in response.headers
        port = int(server.url.rpartition(":")[2])
        with (
            socket.socket() as elsewhere
        ):  # the whole of 127/8 is loopback, and the server is at one address of it
            assert elsewhere.connect_ex(("127.0.0.2", port)) != 0


@pytest.mark.parametrize(
    ("missing", "words"), [("token", "MIDCALL_SERVER__TOKEN"), ("public_url", "MIDCALL_SERVER__PUBLIC_URL")]
)
@pytest.mark.parametrize("host", [EVERYWHERE, "::"])
async def test_never_in_the_open_without_secrets(folder: Path, host: str, missing: str, words: str) -> None:
    """Beyond loopback it wants a token and a public address: exit 2, and the variable to set."""
    file = folder / "midcall.toml"
    lines = [line for line in file.read_text().splitlines() if not line.startswith(missing)]
    file.write_text("\n".join(lines))
    async with serve(folder, "--host", host, ready=False) as server:
        assert await server.ended() == 2
    assert words in server.log
    assert "Traceback" not in server.log


async def test_in_the_open_with_them(folder: Path) -> None:
    """With both it listens where it is told to."""
    async with serve(folder, "--host", EVERYWHERE) as server:
        assert server.url.startswith(f"http://{EVERYWHERE}:")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--host", "192.0.2.1"], "no address of this machine"),
        (["--host", "no host at all"], "no address of this machine"),
        (["--host", "x" * 300], "no address of this machine"),
        (["--port", "65536"], "65536"),
        (["--port", "http"], "http"),
    ],
    ids=["elsewhere", "words", "long", "too high", "a name"],
)
async def test_where_it_cannot_listen(folder: Path, options: list[str], words: str) -> None:
    """Exit 2 with words, before anything is opened."""
    token = {"MIDCALL_SERVER__TOKEN": "t"}
    async with serve(folder, *options, environ=environment(**token), ready=False) as server:
        assert await server.ended() == 2
    assert words in server.log
    assert "Traceback" not in server.log
    assert not (folder / "midcall.db").exists()


async def test_a_port_in_use(folder: Path) -> None:
    """Exit 2, with the port and what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with serve(folder, "--port", str(port), ready=False) as server:
            assert await server.ended() == 2
    assert f"port {port}" in server.log
    assert "--port" in server.log


def test_a_port_that_needs_more_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words that say so. (Whoever runs this test may have the rights, so the refusal is the system's own, made by hand.)"""
    from midcall import ConfigError
    from midcall.server.serving import listen

    def refused(_self: socket.socket, _address: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refused)
    with pytest.raises(ConfigError, match="above 1023"):
        listen("127.0.0.1", 80)


# A ledger that cannot be used -----------------------------------------------------------------------------------------


async def _cannot_start(folder: Path, words: str, **variables: str) -> None:
    async with serve(folder, environ=environment(**variables), ready=False) as server:
        assert await server.ended() == 4
    assert words in server.log
    assert "Traceback" not in server.log
    assert "midcall.db" in server.log or "missing" in server.log


async def test_a_ledger_that_is_damaged(folder: Path) -> None:
    """Exit 4, with the file and what to do."""
    (folder / "midcall.db").write_bytes(b"this is no database, and never was one" * 100)
    await _cannot_start(folder, "not an SQLite file")


async def test_a_ledger_that_is_locked(folder: Path) -> None:
    """Exit 4 after some patience: somebody else holds it."""
    async with serve(folder) as server:
        server.signal(signal.SIGTERM)
        await server.ended()
    blocker = sqlite3.connect(folder / "midcall.db", isolation_level=None)
    blocker.execute("PRAGMA locking_mode=EXCLUSIVE")
    blocker.execute("BEGIN EXCLUSIVE")
    try:
        await _cannot_start(folder, "locked")
    finally:
        blocker.close()


async def test_a_ledger_in_a_folder_that_is_missing(folder: Path) -> None:
    """Exit 4: folders are not made on the strength of a misspelt path."""
    await _cannot_start(
        folder, "does not exist", MIDCALL_SERVER__LEDGER=f"sqlite:///{folder}/missing/midcall.db"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="a folder that not even root may write")
async def test_a_ledger_in_a_folder_that_cannot_be_written(folder: Path) -> None:
    """Exit 4, with whose right is missing."""
    await _cannot_start(folder, "right", MIDCALL_SERVER__LEDGER="sqlite:////sys/midcall.db")


async def test_a_ledger_that_is_a_folder(folder: Path) -> None:
    """Exit 4: the address has to name a file."""
    await asyncio.to_thread((folder / "midcall.db").mkdir)
    await _cannot_start(folder, "is a folder")


async def test_no_room_for_the_ledger(folder: Path) -> None:
    """A disk that takes no more (here: a limit on the size of files) is exit 4 with words."""
    limited = (
        "import resource, signal, runpy, sys;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192));"
        "sys.argv[0] = 'midcall'; runpy.run_module('midcall', run_name='__main__')"
    )
    async with serve(folder, ready=False, command=(sys.executable, "-c", limited)) as server:
        assert await server.ended() == 4
    assert "midcall.db" in server.log
    assert "Traceback" not in server.log


# Stopping -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_lets_texts_end(folder: Path, sim: Simulator, number: signal.Signals) -> None:
    """Stopped while the carrier is thinking: the text is sent once and recorded, and the exit code is 0."""
    sim.faults.add(Fault(kind=FaultKind.LATE_ANSWER, seconds=3.0))
    async with serve(folder) as server, aiohttp.ClientSession() as session:
        answer = await _call_tool(server.url, _a_call(), session=session)
        assert answer["status"] == "pending"
        server.signal(number)
        assert await server.ended() == 0
    assert len(sim.texts) == 1
    assert _states(folder) == ["accepted"]
    assert "Traceback" not in server.log


async def test_a_second_signal_does_not_hurry_it(folder: Path, sim: Simulator) -> None:
    """An impatient supervisor, or Ctrl-C twice: the text under way is recorded all the same."""
    sim.faults.add(Fault(kind=FaultKind.LATE_ANSWER, seconds=3.0))
    async with serve(folder) as server, aiohttp.ClientSession() as session:
        await _call_tool(server.url, _a_call(), session=session)
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGINT, signal.SIGTERM):
            server.signal(number)
            await asyncio.sleep(0.2)
        assert await server.ended() == 0
    assert _states(folder) == ["accepted"]
    assert "Traceback" not in server.log


async def test_a_stop_answers_who_is_waiting(folder: Path, sim: Simulator) -> None:
    """A request under way is answered before the server goes; a new one finds nobody."""
    sim.faults.add(Fault(kind=FaultKind.LATE_ANSWER, seconds=1.0))
    async with serve(folder) as server, aiohttp.ClientSession() as session:
        asking = asyncio.create_task(_call_tool(server.url, _a_call(), session=session))
        async with asyncio.timeout(10):
            while not sim.requests:
                await asyncio.sleep(0.02)
        server.signal(signal.SIGTERM)
        assert (await asking)["status"] == "accepted"
        assert await server.ended() == 0
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"{server.url}/healthz")


async def test_a_connection_that_does_nothing_does_not_hold_it_up(folder: Path) -> None:
    """Idle connections, and those with half a request, are closed at a stop."""
    async with serve(folder) as server:
        port = int(server.url.rpartition(":")[2])
        idle, half = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        half[1].write(b"POST /platforms/retell/events HTTP/1.1\r\nHost: x\r\n")
        await half[1].drain()
        began = asyncio.get_running_loop().time()
        server.signal(signal.SIGTERM)
        assert await server.ended() == 0
        assert asyncio.get_running_loop().time() - began < 5
        for _, writer in (idle, half):
            writer.close()


async def test_killed_while_it_starts(folder: Path) -> None:
    """A signal before it is ready ends it: nothing is under way, and nothing keeps it."""
    async with serve(folder, ready=False) as server:
        await asyncio.sleep(0.3)
        server.signal(signal.SIGTERM)
        assert await server.ended(within_s=10) in (-signal.SIGTERM, 0)


# Side by side ---------------------------------------------------------------------------------------------------------


async def test_two_servers_on_one_ledger(folder: Path, sim: Simulator) -> None:
    """Both work, each knows what the other sent, and a repeat that lands on the other sends nothing."""
    async with serve(folder) as one, serve(folder) as two, aiohttp.ClientSession() as session:
        body = encode(_a_call().invoke("send_sms"))
        headers = signed_headers(body, key=KEY, at_ms=now_ms())

        async def repeat(url: str) -> dict[str, object]:
            address = f"{url}/platforms/retell/tools/send_sms"
            async with session.post(address, data=body, headers=headers) as response:
                answer: dict[str, object] = await response.json()
                return answer

        answers = await asyncio.gather(*(repeat(server.url) for server in (one, two) * 10))
        assert len({answer["message_id"] for answer in answers}) == 1
        assert len(sim.requests) == 1
        others = await asyncio.gather(
            *(
                _call_tool(server.url, _a_call(number, f"+120255501{number:02}"), session=session)
                for number, server in enumerate((one, two) * 10, start=10)
            )
        )
        assert {answer["status"] for answer in others} == {"accepted"}
        assert len(sim.requests) == 21


# The log --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["info", "debug"])
async def test_the_log_of_a_busy_run_keeps_secrets(folder: Path, sim: Simulator, level: str) -> None:
    """After sends, refusals, faults, bad requests and a stop there is no key, token, text or whole number in it."""
    callers = [CALLER, *(f"+170255501{last}" for last in ("10", "11", "21", "30", "43", "52", "53", "60"))]
    async with serve(folder, "--log-level", level) as server, aiohttp.ClientSession() as session:
        for number, caller in enumerate([*callers, "anonymous", "+18005550142", "+442079460958"]):
            call = _a_call(number, caller)
            await _call_tool(server.url, call, session=session)
            await _call_tool(server.url, call, session=session, tool="send_nothing")
        events = f"{server.url}/platforms/retell/events"
        for body in (encode(_a_call().started()), encode(_a_call().ended()), b"{", b"[]"):
            await session.post(events, data=body, headers=signed_headers(body, key=KEY, at_ms=now_ms()))
            await session.post(events, data=body, headers={"X-Retell-Signature": f"v=1,d={KEY}"})
        for path in ("/messages?to=%2B12025550142", "/messages", "/nowhere", "/calls/%0Aforged"):
            await session.get(server.url + path, headers={"Authorization": f"Bearer {TOKEN}"})
            await session.get(server.url + path, headers={"Authorization": f"Bearer {TOKEN}x"})
        status = f"{server.url}/carriers/twilio/status"
        form = receipt(sim.texts[0].sid, "delivered", To=CALLER, From=AGENT)
        signed = signature_headers(
            f"{PUBLIC}/carriers/twilio/status", form.items(), auth_token=DEFAULT_AUTH_TOKEN
        )
        for headers in (signed, {}):
            await session.post(status, data=form | ({} if headers else {"Body": "Hi Ann"}), headers=headers)
        await session.post(f"{server.url}/platforms/retell/tools/x%0A2026-01-01 forged", data=b"{}")
        await asyncio.sleep(0.5)
        server.signal(signal.SIGTERM)
        assert await server.ended() == 0
    assert len(server.lines) > 10
    for secret in (KEY, TOKEN, DEFAULT_AUTH_TOKEN, "Hi Ann", "here is your link"):
        assert secret not in server.log
    for whole in [AGENT, *callers, "+18005550142", "+442079460958"]:
        assert whole.removeprefix("+") not in server.log
    assert not [line for line in server.lines if line.startswith(("forged", "2026-01-01 forged"))]
    assert "Traceback" not in server.log
