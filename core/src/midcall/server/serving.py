"""`midcall serve`: on loopback by default, and never in the open without secrets."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import FrameType

import uvicorn

from midcall.app import Midcall
from midcall.contract.errors import ConfigError
from midcall.server.application import create_app
from midcall.settings import Settings

log = logging.getLogger("midcall.server")

GRACE_S = 15
"""Seconds that requests under way are given when the server stops. Texts under way end by themselves meanwhile, within 15 s."""

KEEP_ALIVE_S = 75
"""Seconds an idle connection is kept. Longer than the 60 s of usual proxies: who closes first must not be the one that is
about to be sent a request."""


def check_open(settings: Settings, host: str) -> None:
    """Listening beyond loopback needs a token and a public URL. Raises `ConfigError` with what is missing.

    Platforms and accounts cannot be configured without their secrets, so their webhooks are always verified.
    """
    if _is_loopback(host):
        return
    problems = []
    if settings.server.token is None:
        problems.append(
            f"{host} is not loopback and server.token is not set: anybody could reach the API. "
            f"Set MIDCALL_SERVER__TOKEN, or listen on 127.0.0.1 behind your proxy."
        )
    if settings.server.public_url is None:
        problems.append(
            f"{host} is not loopback and server.public_url is not set: carriers sign the public URL and their callbacks "
            f"could not be verified. Set MIDCALL_SERVER__PUBLIC_URL, such as https://sms.example.com."
        )
    if problems:
        raise ConfigError(*problems)


def listen(host: str, port: int) -> socket.socket:
    """A socket with its address, taken before anything else is started. Raises `ConfigError` when it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except (OSError, UnicodeError) as error:
        listening.close()
        raise ConfigError(_cannot_listen(host, port, error)) from None
    return listening


def _cannot_listen(host: str, port: int, error: OSError | UnicodeError) -> str:
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return (
            f"port {port} on {host} is in use: stop what listens there, or choose another with --port or "
            f"MIDCALL_SERVER__PORT"
        )
    if number in (errno.EACCES, errno.EPERM):
        return f"port {port} on {host} needs more rights: choose one above 1023 with --port or MIDCALL_SERVER__PORT"
    if number == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror | UnicodeError):
        return f"{host!r} is no address of this machine: choose another with --host or MIDCALL_SERVER__HOST"
    return f"cannot listen on {host} port {port}: {getattr(error, 'strerror', None) or error}"


def serve(
    settings: Settings,
    *,
    host: str | None = None,
    port: int | None = None,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Run until SIGINT or SIGTERM. `ready` is told the address once requests are answered.

    Raises `ConfigError` or `LedgerError` before anything is answered when it cannot start. A signal lets requests and texts
    under way end; another one does not hurry that, since it would leave texts of which nobody knows.
    """
    host = host or settings.server.host
    check_open(settings, host)
    listening = listen(host, settings.server.port if port is None else port)
    try:
        with asyncio.Runner(loop_factory=_fastest_loop()) as runner:
            runner.run(_serve(settings, listening, ready))
    finally:
        listening.close()


async def _serve(settings: Settings, listening: socket.socket, ready: Callable[[str], None] | None) -> None:
    midcall = Midcall(settings)
    config = uvicorn.Config(
        create_app(midcall),
        lifespan="off",  # started here, so that what cannot start is said in words and not as a traceback
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = _Server(config, ready)
    # Until it has started a signal ends the process, as it does any other: nothing is under way yet.
    await midcall.start()
    with _stopped_by_signals(server):
        try:
            await server.serve(sockets=[listening])
        finally:
            await midcall.aclose()


class _Server(uvicorn.Server):
    """Says when it is ready, and leaves signals to `_stopped_by_signals`."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[str], None] | None) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listening, then ready."""
        await super().startup(sockets=sockets)
        if self.started and self._ready is not None and sockets:
            self._ready(_url_of(sockets[0]))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """No new connections; those there are may end."""
        log.info("stopping; what is under way is given %d s", GRACE_S)
        await super().shutdown(sockets=sockets)

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]  # any context manager will do
        """Nothing: uvicorn would let go of the signals, and raise them again, before Midcall has let its texts end."""
        return nullcontext()


@contextmanager
def _stopped_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """SIGINT and SIGTERM ask `server` for a stop, and nothing more, until the end of the block."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def _url_of(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it can be had (not on Windows), else asyncio's own."""
    try:
        import uvloop
    except ModuleNotFoundError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
