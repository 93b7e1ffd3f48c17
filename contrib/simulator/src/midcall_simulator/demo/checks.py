"""What was expected and what was seen: requests and texts of each scene, what each scene says besides, and the ledger at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from midcall_simulator.memory import Text
from midcall_simulator.phones import mask

_LEFT = frozenset({"accepted", "sent", "delivered", "undelivered"})
"""States of a message whose text the carrier has taken."""

_NEVER_LEFT = frozenset({"rejected"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that had to be so."""

    what: str
    expected: str
    seen: str

    @property
    def ok(self) -> bool:
        """Whether it was."""
        return self.seen in self.expected.split(" or ")

    def as_json(self) -> dict[str, object]:
        """For `--json`."""
        return {"what": self.what, "expected": self.expected, "seen": self.seen, "ok": self.ok}


@dataclass(slots=True, kw_only=True)
class SceneReport:
    """One row of the table. Requests are POSTs that the carrier received whole, texts are those it took."""

    title: str
    requests_expected: int
    texts_expected: int
    requests_seen: int = 0
    texts_seen: int = 0
    checks: list[Check] = field(default_factory=list)
    played: bool = False

    @property
    def ok(self) -> bool:
        """Whether it was played to its end and everything was as expected."""
        return self.played and self.counts_ok and all(check.ok for check in self.checks)

    @property
    def counts_ok(self) -> bool:
        """Whether the carrier saw what it should have."""
        return (self.requests_seen, self.texts_seen) == (self.requests_expected, self.texts_expected)

    def as_json(self) -> dict[str, object]:
        """For `--json`."""
        return {
            "title": self.title,
            "played": self.played,
            "requests": {"expected": self.requests_expected, "seen": self.requests_seen},
            "texts": {"expected": self.texts_expected, "seen": self.texts_seen},
            "checks": [check.as_json() for check in self.checks],
            "ok": self.ok,
        }


@dataclass(slots=True, kw_only=True)
class Report:
    """The whole demo. `failure` says why it could not go on, if it could not."""

    scenes: list[SceneReport]
    ledger: list[str] = field(default_factory=list)
    """Where the ledger and the carrier disagree, as sentences."""
    failure: str = ""

    @property
    def ok(self) -> bool:
        """Whether every text left exactly as often as it should."""
        return not self.failure and not self.ledger and all(scene.ok for scene in self.scenes)

    @property
    def requests(self) -> int:
        """POSTs the carrier received in all."""
        return sum(scene.requests_seen for scene in self.scenes)

    @property
    def texts(self) -> int:
        """Texts the carrier took in all."""
        return sum(scene.texts_seen for scene in self.scenes)

    @property
    def problems(self) -> list[str]:
        """Everything that differs, as sentences. After a failure the scenes that were not played are no news."""
        found = [self.failure] if self.failure else []
        for scene in self.scenes:
            if not scene.played:
                found += [] if self.failure else [f"{scene.title}: not played to its end"]
                continue
            if not scene.counts_ok:
                found.append(
                    f"{scene.title}: the carrier saw {scene.requests_seen} requests and took {scene.texts_seen} "
                    f"texts; expected were {scene.requests_expected} and {scene.texts_expected}"
                )
            found += [
                f"{scene.title}: {check.what}: {check.seen}; expected was {check.expected}"
                for check in scene.checks
                if not check.ok
            ]
        return found + self.ledger

    @property
    def verdict(self) -> str:
        """The last line."""
        if self.ok:
            return (
                f"Every text left exactly once: {self.texts} texts in {self.requests} requests; "
                f"nothing twice, nothing lost."
            )
        return "It did not go as it should: " + "; ".join(self.problems[:3]) + "."

    def as_json(self) -> dict[str, object]:
        """For `--json`."""
        return {
            "verdict": {
                "ok": self.ok,
                "words": self.verdict,
                "requests": self.requests,
                "texts": self.texts,
                "problems": self.problems,
            },
            "scenes": [scene.as_json() for scene in self.scenes],
        }


def disagreements(messages: Sequence[Mapping[str, object]], texts: Sequence[Text]) -> list[str]:
    """Where the server's messages (`GET /messages`) and the carrier's texts tell different stories.

    Every text carries the id of its message in its callback URL. A message that left has exactly one text, with the state
    the carrier gave it last; one that did not has none; and no text is of no message.
    """
    found = []
    by_message: dict[str, list[Text]] = {}
    for text in texts:
        by_message.setdefault(_message_of(text), []).append(text)
    for message in messages:
        identity, state = str(message["id"]), str(message["state"])
        mine = by_message.pop(identity, [])
        if state not in _LEFT | _NEVER_LEFT:
            found.append(f"message {identity} is still {state}")
        elif len(mine) != (state in _LEFT):
            found.append(f"message {identity} is {state}, and the carrier took {len(mine)} texts for it")
        elif mine and mine[0].status != state:
            found.append(f"message {identity} is {state}, and its text {mine[0].status}")
    found += [
        f"the carrier took a text to {mask(text.to)} that no message accounts for"
        for unclaimed in by_message.values()
        for text in unclaimed
    ]
    twice = Counter((text.to, text.body) for text in texts if text.status == "delivered")
    found += [
        f"{mask(to)} has the same text {count} times" for (to, _body), count in twice.items() if count > 1
    ]
    return found


def _message_of(text: Text) -> str:
    return parse_qs(urlsplit(text.callback_url or "").query).get("m", [""])[0]
