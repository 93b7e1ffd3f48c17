"""Status callbacks, sent by any simulated carrier: to loopback addresses only, and every one recorded."""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    TCPConnector,
)
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

log = logging.getLogger("midcall_simulator")

_CONNECT_SECONDS = 5.0
_TOTAL_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """One POST a carrier makes to tell its customer about a text."""

    sid: str
    status: str
    url: str
    """Where the customer asked for it, and what the signature covers."""
    headers: Mapping[str, str]
    body: bytes
    retries: int = 0
    retry_on: frozenset[str] = frozenset()
    """Failures that are tried again: `ct` no connection, `rt` no answer (in time), `4xx`, `5xx`."""


@dataclass(slots=True, kw_only=True, eq=False)
class CallbackRecord:
    """What became of one callback."""

    sid: str
    status: str
    url: str
    result: str = "pending"
    """`answered`, `failed` (nobody answered), `refused` (not a loopback address) or `lost` (by a fault)."""
    http_status: int | None = None
    attempts: int = 0
    reason: str = ""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def as_json(self) -> dict[str, object]:
        """The record as `GET /_sim/callbacks` shows it."""
        return {
            "sid": self.sid,
            "status": self.status,
            "url": self.url,
            "result": self.result,
            "http_status": self.http_status,
            "attempts": self.attempts,
            "reason": self.reason,
            "at": self.at.isoformat(),
        }


class NotLoopbackError(ValueError):
    """A callback was asked for at an address that is not on this machine."""


def loopback(url: str) -> URL:
    """The URL, if it is http(s) and names this machine by a loopback address or as `localhost`.

    No name is ever resolved to find out. Raises `NotLoopbackError` otherwise.
    """
    parsed = URL(url)
    host = parsed.host or ""
    if parsed.scheme not in ("http", "https"):
        raise NotLoopbackError(f"{url!r} is not an http(s) URL")
    if host != "localhost":
        try:
            inside = ipaddress.ip_address(host).is_loopback
        except ValueError:
            inside = False
        if not inside:
            raise NotLoopbackError(
                f"{host!r} is not a loopback address: the simulator calls only 127.0.0.1, ::1 and localhost"
            )
    return parsed


class _LocalhostOnly(AbstractResolver):
    """Answers `localhost` without asking anybody; a second lock behind `loopback`."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if host != "localhost":
            raise OSError(f"{host!r} is not on this machine")
        return [
            {"hostname": host, "host": address, "port": port, "family": kind, "proto": 0, "flags": 0}
            for address, kind in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6))
        ]

    async def close(self) -> None:
        """Nothing to close."""


class CallbackSender:
    """Sends callbacks and remembers what became of each.

    `routes` maps the start of a public URL to a loopback URL, as a tunnel or a reverse proxy would: the
    callback keeps the public URL in its signature and arrives at the loopback one. Raises `NotLoopbackError`
    for a route that leads off this machine.
    """

    def __init__(self, *, routes: Mapping[str, str] | None = None) -> None:
        self.records: list[CallbackRecord] = []
        self._routes = {public.rstrip("/"): target.rstrip("/") for public, target in (routes or {}).items()}
        for target in self._routes.values():
            loopback(target)
        self._session: ClientSession | None = None

    async def start(self) -> None:
        """Open the client; needs a running event loop."""
        self._session = ClientSession(
            connector=TCPConnector(limit=128, resolver=_LocalhostOnly()),
            cookie_jar=DummyCookieJar(),
            timeout=ClientTimeout(total=_TOTAL_SECONDS, sock_connect=_CONNECT_SECONDS),
            trust_env=False,
        )

    async def aclose(self) -> None:
        """Close the client and its connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def lose(self, callback: Callback) -> None:
        """Record a callback that a fault swallowed."""
        self.records.append(
            CallbackRecord(sid=callback.sid, status=callback.status, url=callback.url, result="lost")
        )

    async def send(self, callback: Callback) -> CallbackRecord:
        """POST one callback, with the retries it asks for. Never raises: the record says what happened."""
        record = CallbackRecord(sid=callback.sid, status=callback.status, url=callback.url)
        self.records.append(record)
        try:
            target = self._target(callback.url)
        except ValueError as problem:
            return _refused(record, str(problem))
        failure = ""
        while record.attempts <= callback.retries:
            record.attempts += 1
            failure = await self._attempt(callback, target, record)
            if not failure or failure not in callback.retry_on:
                break
        if record.result == "failed":
            log.warning("status callback %s of %s failed: %s", callback.status, callback.sid, record.reason)
        return record

    async def _attempt(self, callback: Callback, target: URL, record: CallbackRecord) -> str:
        """One try. Returns the name of the failure, or nothing."""
        if self._session is None:
            raise RuntimeError("the callback sender is not started: call start() first")
        try:
            async with self._session.post(
                target, data=callback.body, headers=callback.headers, allow_redirects=False
            ) as answer:
                await answer.read()
        except (ClientConnectorError, ConnectionTimeoutError) as problem:
            record.result, record.reason = "failed", f"{type(problem).__name__}: {problem}"
            return "ct"
        except (ClientError, TimeoutError, OSError) as problem:
            record.result, record.reason = "failed", f"{type(problem).__name__}: {problem}"
            return "rt"
        record.result, record.http_status, record.reason = "answered", answer.status, ""
        return f"{answer.status // 100}xx" if answer.status >= 400 else ""

    def _target(self, url: str) -> URL:
        for public, inside in self._routes.items():
            if url == public or url.startswith((public + "/", public + "?")):
                return URL(inside + url[len(public) :], encoded=True)
        loopback(url)
        return URL(url, encoded=True)


def _refused(record: CallbackRecord, reason: str) -> CallbackRecord:
    record.result, record.reason = "refused", reason
    log.error("status callback %s of %s refused: %s", record.status, record.sid, reason)
    return record
