"""The telephone exchange: everything the simulated carriers share, and how a fault meets an answer."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Coroutine
from typing import Any

from aiohttp import web

from midcall_simulator.callbacks import CallbackSender
from midcall_simulator.faults import Fault, FaultKind, Faults
from midcall_simulator.memory import Memory
from midcall_simulator.phones import PhoneNetwork

_BEFORE = frozenset({FaultKind.DROP_BEFORE, FaultKind.RESET_BEFORE, FaultKind.HANG_BEFORE})
_AFTER = frozenset({FaultKind.DROP_AFTER, FaultKind.RESET_AFTER, FaultKind.HANG_AFTER})
_RESETS = frozenset({FaultKind.RESET_BEFORE, FaultKind.RESET_AFTER})
# l_onoff=1, l_linger=0: closing throws away what is unsent and tells the peer with an RST instead of a FIN.
_NO_LINGER = struct.pack("ii", 1, 0)


class Silence(web.StreamResponse):
    """No answer at all: the connection is closed (FIN) or reset (RST) instead."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__()
        self._reset = reset

    async def prepare(self, request: web.BaseRequest) -> None:
        """End the connection. Always raises `ConnectionResetError`, which aiohttp takes as "the peer is gone"."""
        transport = request.transport
        if transport is not None:
            if self._reset:
                sock = transport.get_extra_info("socket")
                if sock is not None:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
                transport.abort()
            else:
                transport.close()
        raise ConnectionResetError("a fault ended this connection")


class Exchange:
    """What the carriers share: memory, faults, phones, the callback sender, and the work under way."""

    def __init__(
        self,
        *,
        faults: Faults,
        callbacks: CallbackSender,
        callback_delay: float,
    ) -> None:
        self.memory = Memory()
        self.phones = PhoneNetwork()
        self.faults = faults
        self.callbacks = callbacks
        self.callback_delay = callback_delay
        self._under_way: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()

    def follow(self, work: Coroutine[Any, Any, None]) -> None:
        """Run the rest of a text's life in the background; `settled` waits for it."""
        task = asyncio.get_running_loop().create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def settled(self, *, within: float) -> None:
        """Wait until every text has reached its last status and every callback is out.

        Raises `TimeoutError` after `within` seconds.
        """
        async with asyncio.timeout(within):
            while self._under_way:
                await asyncio.wait(set(self._under_way))

    async def abandon(self) -> None:
        """Stop following every text, at once."""
        tasks = list(self._under_way)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def let_go(self) -> None:
        """End every fault that holds a connection or a callback; from now on none does."""
        self._stopping.set()

    async def aclose(self) -> None:
        """Stop following texts and close the callback client; the server has to be closed before."""
        self.let_go()
        await self.abandon()
        await self.callbacks.aclose()

    async def hold(self, seconds: float) -> None:
        """Wait, but not past the end of the simulator."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    async def answer(
        self,
        fault: Fault | None,
        *,
        proceed: Callable[[], web.Response],
        refuse: Callable[[Fault], web.Response],
    ) -> web.StreamResponse:
        """Answer a request the way its fault wants it.

        `proceed` does what was asked (takes the text) and makes the ordinary answer; `refuse` makes the
        carrier's own error answer for a fault of kind refuse, opted_out, landline, rate_limited or status.
        """
        if fault is None:
            return proceed()
        kind = fault.kind
        if kind in _BEFORE or kind in _AFTER:
            if kind in _AFTER:
                proceed()
            await self.hold(fault.hold)
            return Silence(reset=kind in _RESETS)
        if kind is FaultKind.LATE_ANSWER:
            answer = proceed()
            await self.hold(fault.hold)
            return answer
        if kind is FaultKind.UNREADABLE:
            whole = proceed()
            text = whole.text or ""
            return web.Response(
                status=whole.status, text=text[: len(text) // 2], content_type="application/json"
            )
        if fault.taken:
            proceed()
        return refuse(fault)
