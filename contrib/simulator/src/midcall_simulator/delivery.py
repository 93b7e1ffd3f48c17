"""The rest of a text's life: its statuses on time, its callbacks as a fault wants them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from midcall_simulator.callbacks import Callback, CallbackSender
from midcall_simulator.exchange import Exchange
from midcall_simulator.faults import Fault, FaultKind
from midcall_simulator.memory import Text

_HELD_BACK = frozenset({FaultKind.CALLBACK_REORDERED, FaultKind.CALLBACK_LATE})


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a text's status, `delay` seconds after the one before."""

    status: str
    delay: float
    error_code: int | None = None


async def deliver(
    exchange: Exchange,
    text: Text,
    steps: Sequence[Step],
    *,
    callback_for: Callable[[Text], Callback | None],
    fault: Fault | None,
) -> None:
    """Walk a text through its statuses and send what `callback_for` makes of each.

    The statuses keep their time whatever the customer's server does. The callbacks go one after the other,
    so that their order is the fault's doing and never chance.
    """
    held: list[Callback] = []
    async with asyncio.TaskGroup() as sending:
        last: asyncio.Task[None] | None = None
        for step in steps:
            if step.delay:
                await asyncio.sleep(step.delay)
            text.move(step.status, error_code=step.error_code)
            callback = callback_for(text)
            if callback is None:
                continue
            if fault is not None and fault.kind in _HELD_BACK:
                held.append(callback)
            else:
                last = sending.create_task(_send(exchange.callbacks, callback, fault, after=last))
    if fault is not None and held:
        if fault.kind is FaultKind.CALLBACK_REORDERED:
            held.reverse()
        await exchange.hold(fault.hold)
        for callback in held:
            await exchange.callbacks.send(callback)


async def _send(
    callbacks: CallbackSender, callback: Callback, fault: Fault | None, *, after: asyncio.Task[None] | None
) -> None:
    if after is not None:
        await after
    struck = fault.kind if fault is not None and fault.only in (None, callback.status) else None
    if struck is FaultKind.CALLBACK_LOST:
        callbacks.lose(callback)
        return
    await callbacks.send(callback)
    if struck is FaultKind.CALLBACK_DOUBLED:
        await callbacks.send(callback)
