"""The switch: no test can reach a real carrier, and no test sees a developer's carrier settings.

Two nets, both loud. `socket.socket` is patched, because a connection to a *name* looks the name up before Python announces it; and an
audit hook catches every other way Python itself has to the network. uvloop does its own networking in C, so its loop is patched as well.
A blocked attempt raises, and the test fails even when the code under test swallowed the error.

What a test starts in another process is not watched; it has no carrier settings to use either.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester"]  # pytest only allows this in the topmost conftest

CARRIER_VARIABLES = ("MIDCALL_", "RETELL_", "TELNYX_", "TWILIO_", "VONAGE_")

# A busy machine is no fault of the code: how long one example takes, or its making, fails no test. In CI a test tries the same
# examples every time, so that a red build is the change's own doing; at home it goes on looking for new ones.
settings.register_profile(
    "midcall",
    deadline=None,
    derandomize=os.environ.get("CI") == "true",
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("midcall")

_WATCHED_EVENTS = frozenset(
    {
        "socket.connect",
        "socket.getaddrinfo",
        "socket.gethostbyaddr",
        "socket.gethostbyname",
        "socket.sendmsg",
        "socket.sendto",
    }
)

_attempts: list[str] = []


class RealNetworkBlocked(RuntimeError):
    """A test tried to leave this machine. Not an `OSError`, so that it is never taken for a carrier that is down."""


def _refuse_unless_loopback(host: object, *, binding: bool = False) -> None:
    """Raise for any host but this machine's loopback; `binding` also allows the unspecified address servers listen on."""
    name = host.decode("ascii", "replace") if isinstance(host, bytes | bytearray) else str(host)
    if host is None or name in {"", "localhost"} or name.endswith(".localhost"):
        return
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        pass
    else:
        if address.is_loopback or (binding and address.is_unspecified):
            return
    _attempts.append(name)
    raise RealNetworkBlocked(
        f"a test tried to reach {name!r}, which is not a loopback address; point `base_url` at a simulator on 127.0.0.1"
    )


def _check_address(family: int, address: object) -> None:
    if family in {socket.AF_INET, socket.AF_INET6} and isinstance(address, tuple):
        _refuse_unless_loopback(address[0])


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    """The audit hook: Python calls it before the system call is made."""
    if event not in _WATCHED_EVENTS:
        return
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        _check_address(arguments[0].family, arguments[1])
    else:
        _refuse_unless_loopback(arguments[0], binding=True)


def _guard_sockets() -> None:
    connect, connect_ex, sendto = socket.socket.connect, socket.socket.connect_ex, socket.socket.sendto

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _check_address(self.family, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        _check_address(self.family, address)
        return connect_ex(self, address)

    def guarded_sendto(self: socket.socket, data: Any, *rest: Any) -> int:
        _check_address(self.family, rest[-1])
        return sendto(self, data, *rest)

    for name, guarded in (
        ("connect", guarded_connect),
        ("connect_ex", guarded_connect_ex),
        ("sendto", guarded_sendto),
    ):
        setattr(socket.socket, name, guarded)


def _guard_uvloop() -> None:
    try:
        import uvloop
    except ImportError:  # optional: it comes with the extra `server`
        return
    create_connection, getaddrinfo = uvloop.Loop.create_connection, uvloop.Loop.getaddrinfo

    async def guarded_create_connection(
        self: Any, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any
    ) -> Any:
        _refuse_unless_loopback(host)
        return await create_connection(self, protocol_factory, host, port, **options)

    async def guarded_getaddrinfo(self: Any, host: Any, port: Any, **options: Any) -> Any:
        _refuse_unless_loopback(host, binding=True)
        return await getaddrinfo(self, host, port, **options)

    for name, guarded in (
        ("create_connection", guarded_create_connection),
        ("getaddrinfo", guarded_getaddrinfo),
    ):
        setattr(uvloop.Loop, name, guarded)


def _carrier_variables() -> list[str]:
    return [name for name in os.environ if name.upper().startswith(CARRIER_VARIABLES)]


def pytest_configure(config: pytest.Config) -> None:
    """Close the network before anything is collected; it stays closed until the process ends."""
    for name in _carrier_variables():
        del os.environ[name]
    _guard_sockets()
    _guard_uvloop()
    sys.addaudithook(_watch)


@pytest.fixture(autouse=True)
def blocked_connections(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Hosts this test was kept from reaching. Any left at the end fails the test: code under test may have caught the error."""
    for name in _carrier_variables():
        monkeypatch.delenv(name)
    _attempts.clear()
    yield _attempts
    if _attempts:
        pytest.fail(
            f"the test tried to reach {', '.join(_attempts)}; tests stay on the loopback interface",
            pytrace=False,
        )
