"""HTTP as a text needs it: pooled, bounded in time and size, never repeated, and honest about what left the machine.

Twilio's own asyncio client is not used: it ignores its timeout and its proxy, and keeps the last response on itself, where
concurrent sends read each other's. This one keeps nothing between requests but open connections.
"""

from __future__ import annotations

import asyncio
import base64
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import aiohttp

CONNECT_S = 3.0
"""The longest that name lookup, connecting and TLS may take, waiting for a free connection included; at most half of the
timeout, so that a send that never got a connection is known as such before its time is up."""

KEEP_ALIVE_S = 45.0
"""How long an idle connection is kept. Load balancers close theirs after 60 s; a request that meets a closing connection has
an unknown outcome, so we let go first."""

MAX_ANSWER = 4 * 1024 * 1024
"""Bytes of an API answer that are read; a page of 1,000 texts is about half of it."""


class WireError(Exception):
    """A request that got no usable answer. The text names the kind of failure and shows no secret, number or body."""


class NotWritten(WireError):
    """Nothing of the request left: the name, the connection, TLS or the proxy failed, or there was no free connection."""


class MaybeWritten(WireError):
    """The request left, at least in part, and no complete answer came back."""


class AnswerTooLarge(MaybeWritten):
    """An answer came and was larger than was asked for; the rest was not read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The content as text; bytes that are not UTF-8 are replaced, and will not parse as JSON."""
        return self.content.decode("utf-8", "replace")


def basic_auth(username: str, password: str) -> str:
    """The value of an `Authorization` header. (aiohttp's own `auth=` is deprecated.)"""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")


@dataclass(slots=True)
class _Pool:
    """The connections of one event loop."""

    session: aiohttp.ClientSession
    proxies: Mapping[str, str]
    used_at: float | None = None


class Wire:
    """Connections to one carrier, one pool per event loop. `timeout` is seconds for one request, all of it."""

    def __init__(self, *, timeout: float) -> None:
        self._timeout = timeout
        self._pools: dict[asyncio.AbstractEventLoop, _Pool] = {}
        self._lock = threading.Lock()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes | None = None,
        limit: int = MAX_ANSWER,
    ) -> Answer:
        """Make one request, once; redirects are answers. `url` is already encoded.

        Raises `NotWritten` when nothing left, `MaybeWritten` for everything that can go wrong after that. A POST is never
        replayed: aiohttp repeats only idempotent methods on a dropped connection, and nothing here repeats at all.
        """
        import aiohttp
        from yarl import URL

        pool = await self._pool()
        # Set by the trace below, just before the first byte is handed to the socket. Judging by the exception alone
        # would be guessing: the same timeout can strike before and after.
        progress = SimpleNamespace(written=False)
        try:
            async with pool.session.request(
                method,
                URL(url, encoded=True),
                data=content,
                headers=headers,
                allow_redirects=False,
                proxy=_proxy_for(url, pool.proxies),
                trace_request_ctx=progress,
            ) as response:
                body = await _read(response, limit)
                answer = Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, body)
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            kind = MaybeWritten if progress.written else NotWritten
            # Not chained: aiohttp's errors carry the request with its headers, and trackers print what is chained.
            raise kind(_words(error)) from None
        pool.used_at = time.monotonic()
        return answer

    def used_within(self, seconds: float) -> bool:
        """Whether this event loop had an answer in the last `seconds`: a connection is then still open."""
        pool = self._pools.get(asyncio.get_running_loop())
        return pool is not None and pool.used_at is not None and time.monotonic() - pool.used_at < seconds

    async def aclose(self) -> None:
        """Close every connection, those of other event loops included. May be called again; a later request opens anew."""
        here = asyncio.get_running_loop()
        with self._lock:
            pools, self._pools = self._pools, {}
        for loop, pool in pools.items():
            if loop is here or loop.is_closed():
                await pool.session.close()
            elif loop.is_running():
                closing = asyncio.run_coroutine_threadsafe(pool.session.close(), loop)
                await asyncio.wait_for(asyncio.wrap_future(closing), self._timeout)

    async def _pool(self) -> _Pool:
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is not None and not pool.session.closed:
            return pool
        fresh = _Pool(self._session(), _proxies())
        with self._lock:
            dead = [self._pools.pop(other) for other in list(self._pools) if other.is_closed()]
            self._pools[loop] = fresh
        for left_over in dead:
            await left_over.session.close()
        return fresh

    def _session(self) -> aiohttp.ClientSession:
        import aiohttp

        async def on_headers_sent(
            _session: aiohttp.ClientSession,
            context: SimpleNamespace,
            _params: aiohttp.TraceRequestHeadersSentParams,
        ) -> None:
            context.trace_request_ctx.written = True

        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(on_headers_sent)
        # `ceil_threshold`: above 5 s aiohttp rounds timeouts up to whole seconds, and 8 s would be 9.
        exact = {"ceil_threshold": self._timeout + 1}
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                keepalive_timeout=KEEP_ALIVE_S, ttl_dns_cache=300, timeout_ceil_threshold=self._timeout + 1
            ),
            timeout=aiohttp.ClientTimeout(
                total=self._timeout, connect=min(CONNECT_S, self._timeout / 2), **exact
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[trace],
            # `trust_env` would also read ~/.netrc, which clashes with our own Authorization, and cost a thread hop per
            # request; `_proxies` reads the proxies of the environment instead.
            trust_env=False,
        )


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > limit:
            response.close()
            raise AnswerTooLarge(f"the answer is larger than {limit} bytes")
    return bytes(content)


def _proxies() -> Mapping[str, str]:
    """Scheme to proxy, from HTTPS_PROXY and its like. SOCKS proxies are left out: aiohttp cannot use them."""
    from urllib.request import getproxies_environment

    found = {
        scheme: url if "://" in url else f"http://{url}" for scheme, url in getproxies_environment().items()
    }
    return {scheme: url for scheme, url in found.items() if url.startswith(("http://", "https://"))}


def _proxy_for(url: str, proxies: Mapping[str, str]) -> str | None:
    if not proxies:
        return None
    from urllib.parse import urlsplit
    from urllib.request import proxy_bypass

    parts = urlsplit(url)
    if proxy_bypass(parts.netloc):
        return None
    return proxies.get(parts.scheme) or proxies.get("all")


def _words(error: BaseException) -> str:
    """What went wrong, in words that cannot hold a secret: the kind of error and the system's own word for it."""
    cause = getattr(error, "os_error", None) or error
    system = getattr(cause, "strerror", None)
    name = type(error).__name__
    return f"{name}: {system}" if isinstance(system, str) and system else name
