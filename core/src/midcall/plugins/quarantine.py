"""Which plugins keep hanging: they are not asked for a while, so that one bad plugin does not slow every call down."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

_log = logging.getLogger("midcall.plugins")


@dataclass(slots=True)
class _Record:
    misses: int = 0
    counted_at: float = float("-inf")
    probe_at: float | None = None  # None: not quarantined
    probing: bool = False


class Quarantine:
    """Counts missed deadlines per plugin and hook. All times are seconds of `clock`.

    After `after` misses in a row the hook of that plugin is quarantined: `admits` says no until `probe_after_s` have passed,
    then yes to one question, the probe. An answer, an exception included, lifts the quarantine; another miss renews it.
    Questions that were open at the same time and are missed together count once: one short outage under load is not a habit.
    """

    def __init__(
        self, *, after: int = 3, probe_after_s: float = 60.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._after = after
        self._probe_after_s = probe_after_s
        self._clock = clock
        self._records: dict[tuple[str, str], _Record] = {}

    def now(self) -> float:
        """The clock's time; a question notes it when it begins."""
        return self._clock()

    def admits(self, plugin: str, hook: str) -> bool:
        """Whether `plugin` may be asked now. A yes to a quarantined one is its probe, to be concluded by the asker."""
        record = self._records.get((plugin, hook))
        if record is None or record.probe_at is None:
            return True
        if record.probing or self._clock() < record.probe_at:
            return False
        record.probing = True
        return True

    def answered(self, plugin: str, hook: str) -> None:
        """The plugin answered, or raised, in time."""
        record = self._records.pop((plugin, hook), None)
        if record is not None and record.probe_at is not None:
            _log.info("plugin %r answers %s again: its quarantine is over", plugin, hook)

    def missed(self, plugin: str, hook: str, *, began: float) -> None:
        """The plugin missed the deadline of a question that began at `began`."""
        record = self._records.setdefault((plugin, hook), _Record())
        if record.probe_at is None and began < record.counted_at:
            return
        record.misses += 1
        record.counted_at = self._clock()
        record.probing = False
        if record.misses < self._after:
            return
        if record.probe_at is None:
            _log.error(
                "plugin %r missed the deadline of %s %d times in a row and is quarantined: "
                "it is asked again in %g s, until then a check by it denies",
                *(plugin, hook, record.misses, self._probe_after_s),
            )
        record.probe_at = self._clock() + self._probe_after_s

    def left_open(self, plugin: str, hook: str) -> None:
        """The question came to nothing by no fault of the plugin (its asker went away): a probe may be tried again."""
        record = self._records.get((plugin, hook))
        if record is not None:
            record.probing = False

    def hooks_of(self, plugin: str) -> tuple[str, ...]:
        """The hooks of `plugin` that are quarantined now, sorted."""
        return tuple(
            sorted(
                hook
                for (name, hook), record in self._records.items()
                if name == plugin and record.probe_at is not None
            )
        )
