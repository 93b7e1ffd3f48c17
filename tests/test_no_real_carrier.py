"""The switch in the root conftest: tests cannot reach a carrier, whichever way they try.

192.0.2.1 is TEST-NET-1 (RFC 5737) and `.invalid` is reserved (RFC 2606): neither belongs to anybody, should a guard ever fail.
"""

from __future__ import annotations

import asyncio
import os
import socket
import urllib.request
from collections.abc import Callable, Iterator

import pytest

TEST_NET = "192.0.2.1"
TEST_NET_V6 = "2001:db8::1"
NAME = "carrier.invalid"
BLOCKED = "not a loopback address"


@pytest.fixture(scope="module", autouse=True)
def _shell_with_secrets() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TWILIO_AUTH_TOKEN", "left-over")
        patch.setenv("MIDCALL_ACCOUNTS__EU__AUTH_TOKEN", "left-over")
        yield


def _connect(host: str) -> None:
    with socket.socket() as plain:
        plain.settimeout(0.2)
        plain.connect((host, 443))


def _connect_ex(host: str) -> None:
    with socket.socket() as plain:
        plain.settimeout(0.2)
        plain.connect_ex((host, 443))


def _create_connection(host: str) -> None:
    socket.create_connection((host, 443), timeout=0.2).close()


def _send_datagram(host: str) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as datagram:
        datagram.sendto(b"hello", (host, 53))


def _look_up(host: str) -> None:
    socket.getaddrinfo(host, 443)


def _open_url(host: str) -> None:
    urllib.request.urlopen(f"http://{host}/", timeout=0.2).close()


@pytest.mark.parametrize("host", [TEST_NET, NAME])
@pytest.mark.parametrize(
    "reach", [_connect, _connect_ex, _create_connection, _send_datagram, _look_up, _open_url]
)
def test_blocking_code_cannot_leave_the_machine(
    reach: Callable[[str], None], host: str, blocked_connections: list[str]
) -> None:
    """Every synchronous way out raises before anything is sent, and the attempt is remembered."""
    with pytest.raises(RuntimeError, match=BLOCKED):
        reach(host)
    assert host in blocked_connections
    blocked_connections.clear()


def test_ipv6_is_watched_too(blocked_connections: list[str]) -> None:
    """An IPv6 address outside loopback is refused like any other."""
    with socket.socket(socket.AF_INET6) as plain, pytest.raises(RuntimeError, match=BLOCKED):
        plain.connect((TEST_NET_V6, 443))
    blocked_connections.clear()


@pytest.mark.parametrize("host", [TEST_NET, NAME])
async def test_asyncio_cannot_leave_the_machine(host: str, blocked_connections: list[str]) -> None:
    """asyncio's streams and its raw sockets are stopped before anything is sent."""
    loop = asyncio.get_running_loop()
    with pytest.raises(RuntimeError, match=BLOCKED):
        await asyncio.wait_for(asyncio.open_connection(host, 443), 2)
    with pytest.raises(RuntimeError, match=BLOCKED):
        await asyncio.wait_for(loop.getaddrinfo(host, 443), 2)
    with socket.socket() as plain:
        plain.setblocking(False)
        with pytest.raises(RuntimeError, match=BLOCKED):
            await asyncio.wait_for(loop.sock_connect(plain, (host, 443)), 2)
    assert set(blocked_connections) == {host}
    blocked_connections.clear()


@pytest.mark.parametrize("host", [TEST_NET, NAME])
def test_uvloop_cannot_leave_the_machine(host: str, blocked_connections: list[str]) -> None:
    """uvloop connects from C, past Python's sockets, and is stopped all the same."""
    uvloop = pytest.importorskip("uvloop")

    async def reach() -> None:
        with pytest.raises(RuntimeError, match=BLOCKED):
            await asyncio.wait_for(asyncio.open_connection(host, 443), 2)
        with pytest.raises(RuntimeError, match=BLOCKED):
            await asyncio.wait_for(asyncio.get_running_loop().getaddrinfo(host, 443), 2)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(reach())
    assert set(blocked_connections) == {host}
    blocked_connections.clear()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_loopback_stays_open(host: str) -> None:
    """A simulator on this machine is reached as usual."""

    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port, family=socket.AF_INET), 5)
        assert await asyncio.wait_for(reader.read(), 5) == b"hello"
        writer.close()
        await writer.wait_closed()


def test_carrier_settings_of_the_shell_are_gone() -> None:
    """A token in the developer's shell never reaches a test."""
    assert "TWILIO_AUTH_TOKEN" not in os.environ
    assert "MIDCALL_ACCOUNTS__EU__AUTH_TOKEN" not in os.environ


def test_a_swallowed_attempt_fails_the_test(pytester: pytest.Pytester, pytestconfig: pytest.Config) -> None:
    """Code that catches the error and carries on does not make its test pass."""
    pytester.makeconftest((pytestconfig.rootpath / "conftest.py").read_text(encoding="utf-8"))
    pytester.makepyfile(
        f"""
        import socket

        def test_swallows():
            try:
                socket.create_connection(("{TEST_NET}", 443), timeout=0.2)
            except Exception:
                pass
        """
    )
    outcome = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    outcome.assert_outcomes(passed=1, errors=1)
    outcome.stdout.fnmatch_lines([f"*tried to reach {TEST_NET}*"])
