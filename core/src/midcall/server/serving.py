"""`midcall serve`: on loopback by default, and never in the open without secrets."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from midcall.app import Midcall
from midcall.contract.errors import ConfigError
from midcall.server.application import create_app
from midcall.settings import Settings


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
    """A listening socket, taken before anything else is started. Raises `ConfigError` when the port is in use."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(
                f"port {port} on {host} is in use: stop what listens there, or choose another with --port or "
                f"MIDCALL_SERVER__PORT"
            ) from None
        if error.errno == errno.EACCES:
            raise ConfigError(
                f"port {port} on {host} needs more rights: choose one above 1023 with --port"
            ) from None
        raise ConfigError(f"cannot listen on {host} port {port}: {error.strerror or error}") from None
    return listening


def serve(
    settings: Settings,
    *,
    host: str | None = None,
    port: int | None = None,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Run until SIGINT or SIGTERM. `ready` is told the address once requests are answered.

    Raises `ConfigError` or `LedgerError` before anything is answered when it cannot start.
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
    async with Midcall(settings) as midcall:
        config = uvicorn.Config(
            create_app(midcall),
            lifespan="off",  # started here, so that what cannot start is said in words and not as a traceback
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=20,
        )
        server = _Server(config, ready)
        await server.serve(sockets=[listening])


class _Server(uvicorn.Server):
    """Says when it is ready, and leaves the process alive when it has stopped."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[str], None] | None) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listening, then ready."""
        await super().startup(sockets=sockets)
        if self.started and self._ready is not None and sockets:
            self._ready(_url_of(sockets[0]))

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM ask for a stop, and that is all.

        uvicorn's own raises the signal again once it has stopped: the process would die of it before Midcall has let its sends
        end and closed the ledger.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {
            number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)
        }
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
