"""The timeline: what happened, in order, and who did it; shown at a pace a person can follow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol


class Who(StrEnum):
    """Who speaks."""

    RETELL = "Retell"
    AGENT = "agent"
    MIDCALL = "Midcall"
    TWILIO = "Twilio"
    PHONE = "phone"
    STRANGER = "stranger"
    MACHINE = "machine"


class Form(StrEnum):
    """How it is shown."""

    LINE = "line"
    SPEECH = "speech"
    TEXT = "text"


class Tone(StrEnum):
    """What a person should feel about it."""

    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened. `words` are for people and hold no full phone number; `facts` are the same for machines."""

    at: datetime
    who: Who
    words: str
    form: Form = Form.LINE
    tone: Tone = Tone.PLAIN
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds: after each line, after each step, and between two statuses of a text at the simulated carrier."""

    line_s: float
    step_s: float
    receipts_s: float


FOR_PEOPLE = Pace(line_s=0.05, step_s=0.25, receipts_s=0.2)
FAST = Pace(line_s=0.0, step_s=0.0, receipts_s=0.03)


class Screen(Protocol):
    """Where the timeline is shown."""

    def scene(self, number: int, title: str, about: str) -> None:
        """A new scene begins."""

    def event(self, event: Event, *, ms: float) -> None:
        """Something happened, `ms` milliseconds after its scene began."""


class Timeline:
    """Collects events and shows them. `collect` brings in what others remember and nobody has told the timeline yet."""

    def __init__(self, screen: Screen, *, pace: Pace, collect: Callable[[], Iterable[Event]]) -> None:
        self._screen = screen
        self._pace = pace
        self._collect = collect
        self._waiting: list[Event] = []
        self._shown: list[tuple[int, Event]] = []
        self._began = self._scene_began = datetime.now(UTC)
        self._scene = 0

    def begin_scene(self, title: str, about: str) -> None:
        """What comes from now on belongs to the next scene."""
        self._scene += 1
        self._scene_began = datetime.now(UTC)
        self._screen.scene(self._scene, title, about)

    def add(
        self,
        who: Who,
        words: str,
        *,
        at: datetime | None = None,
        form: Form = Form.LINE,
        tone: Tone = Tone.PLAIN,
        **facts: object,
    ) -> None:
        """It happened, now unless `at` says when."""
        event = Event(at=at or datetime.now(UTC), who=who, words=words, form=form, tone=tone, facts=facts)
        self._waiting.append(event)

    async def catch_up(self) -> None:
        """Show everything that has happened, in the order it happened, and leave a person time to read it."""
        events = sorted([*self._waiting, *self._collect()], key=lambda event: event.at)
        self._waiting.clear()
        for event in events:
            self._shown.append((self._scene, event))
            self._screen.event(event, ms=_ms(self._scene_began, event.at))
            await asyncio.sleep(self._pace.line_s)
        if events:
            await asyncio.sleep(self._pace.step_s)

    def as_json(self) -> list[dict[str, object]]:
        """Every event, in the order it happened, with its milliseconds since the demo began."""
        return [
            {
                "at_ms": round(_ms(self._began, event.at), 1),
                "scene": scene,
                "who": event.who.value,
                "what": event.form.value,
                "words": event.words,
                **event.facts,
            }
            for scene, event in sorted(self._shown, key=lambda pair: pair[1].at)
        ]


def _ms(begin: datetime, at: datetime) -> float:
    return max(0.0, (at - begin).total_seconds() * 1000)
