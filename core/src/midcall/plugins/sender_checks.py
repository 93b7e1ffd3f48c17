"""What a carrier knows of our numbers, remembered: a lookup takes longer than a turn has, and its answer changes rarely."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from midcall.contract.senders import SenderCheck
from midcall.plugins.wording import kind_of, masked

_log = logging.getLogger("midcall.plugins")

_FAILURE_GOOD_FOR_S = 10.0
_MOST_NUMBERS = 4_096


@dataclass(frozen=True, slots=True)
class Lookup:
    """What is known of a number: `check`, or None and the `problem` why it could not be had; `late` if only for lack of time."""

    check: SenderCheck | None
    problem: str = ""
    late: bool = False


class SenderChecks:
    """Remembers the answers of `ask` for as long as each says it is good, and a failure for ten seconds.

    A number is looked up once at a time, however many turns ask for it; a lookup goes on when the turn that began it has
    gone, so that the next turn finds its answer. Times are seconds of `clock`.
    """

    def __init__(
        self,
        ask: Callable[[str], Awaitable[SenderCheck]],
        *,
        whose: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._whose = whose
        self._clock = clock
        self._known: OrderedDict[str, tuple[Lookup, float]] = OrderedDict()
        self._running: dict[str, asyncio.Task[Lookup]] = {}

    def remembered(self, number: str) -> Lookup | None:
        """What is known now, without asking anybody."""
        known = self._known.get(number)
        if known is None:
            return None
        lookup, until = known
        return lookup if self._clock() < until else None

    async def look_up(self, number: str, *, patience_s: float | None = None) -> Lookup:
        """What is remembered, or what the carrier says, waited for at most `patience_s` (None: as long as it takes)."""
        remembered = self.remembered(number)
        if remembered is not None:
            return remembered
        task = self._running.get(number)
        if task is None:
            task = asyncio.get_running_loop().create_task(
                self._look_up(number), name=f"sender check by {self._whose}"
            )
            self._running[number] = task
            task.add_done_callback(lambda _done: self._running.pop(number, None))
        # `wait` neither cancels the lookup when the patience is over nor when the asker is cancelled.
        await asyncio.wait({task}, timeout=patience_s)
        if not task.done():
            return Lookup(None, f"{self._whose} did not answer within {patience_s or 0:g} s", late=True)
        if task.cancelled():
            return Lookup(None, f"{self._whose} is being closed")
        return task.result()

    async def _look_up(self, number: str) -> Lookup:
        try:
            lookup, good_for_s = self._read(await self._ask(number))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a carrier's SDK raises anything
            lookup, good_for_s = (
                Lookup(None, f"{self._whose} raised {type(error).__name__}"),
                _FAILURE_GOOD_FOR_S,
            )
            _log.warning("%s could not check the sender %s: %s", self._whose, masked(number), kind_of(error))
        self._known[number] = (lookup, self._clock() + good_for_s)
        self._known.move_to_end(number)
        while len(self._known) > _MOST_NUMBERS:
            self._known.popitem(last=False)
        return lookup

    def _read(self, check: object) -> tuple[Lookup, float]:
        if not isinstance(check, SenderCheck):
            said = type(check).__name__
            return Lookup(None, f"{self._whose} answered {said}, not a SenderCheck"), _FAILURE_GOOD_FOR_S
        return Lookup(check), check.good_for_s

    async def aclose(self) -> None:
        """Stop looking up."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=1.0)
