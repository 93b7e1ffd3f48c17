"""A whole Midcall for one test: real settings, a real ledger on a file, a real plugin host, and carriers that are not."""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest

from core.tests.sending.fake_carrier import SECRET, Acme
from core.tests.sending.fake_platform import Voice
from midcall import (
    Call,
    CallKind,
    Direction,
    Message,
    MessageEvent,
    Midcall,
    Outcome,
    Settings,
    Tool,
    WebhookRequest,
    load_settings,
)
from midcall.ledger import Applied, Ledger

AGENT = "+12025550100"
USER = "+12025550142"
OTHER_USER = "+12025550143"
TOOL = "send_link"
TEXT = "Hi {{name}}, your link: https://example.com/b"
SENT_TEXT = "Hi Ada, your link: https://example.com/b"

_FAKES = "core.tests.sending"
_POLICIES = "midcall_policies_of_a_test"
_PLUGINS = {
    "acme": f"{_FAKES}.fake_carrier:Acme",
    "picto": f"{_FAKES}.fake_carrier:Picto",
    "voice": f"{_FAKES}.fake_platform:Voice",
    "distant": f"{_FAKES}.fake_platform:Distant",
}
_ids = itertools.count(1)


def a_call(call_id: str = "call-1", **changes: Any) -> Call:
    """An open inbound phone call of Ada, on +12025550100."""
    usual = Call(
        platform="voice",
        id=call_id,
        direction=Direction.INBOUND,
        user_number=USER,
        agent_number=AGENT,
        variables={"name": "Ada"},
        began_at=datetime(2026, 11, 23, 20, 0, tzinfo=UTC),
    )
    return replace(usual, **changes)


def a_web_call(**changes: Any) -> Call:
    """A call from a browser: nobody has a number."""
    return a_call(**{"kind": CallKind.WEB, "user_number": None, "agent_number": None, **changes})


def a_tool(**changes: Any) -> dict[str, Any]:
    """A tool's table: a static text, and a budget that a busy machine does not use up."""
    return {"sms_content": {"type": "predefined", "text": TEXT}, "budget_ms": 20_000, **changes}


def texting(text: str) -> dict[str, Any]:
    """`sms_content` of a static text."""
    return {"type": "predefined", "text": text}


WRITTEN_BY_MODEL: Mapping[str, Any] = {"type": "inferred", "prompt": "Say where to find us."}


class Clock:
    """The ledger's time, which passes only when told to."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


@dataclass(slots=True)
class Deployment:
    """A running Midcall, and the few things tests ask of it."""

    midcall: Midcall
    ledger_file: Path

    @property
    def carrier(self) -> Acme:
        """The carrier of the account `acme`."""
        return self.account("acme")

    def account(self, name: str) -> Acme:
        """The carrier of an account."""
        return cast("Acme", self.midcall.accounts[name])

    @property
    def platform(self) -> Voice:
        """The platform of the instance `voice`."""
        return cast("Voice", self.midcall.platforms["voice"])

    @property
    def ledger(self) -> Ledger:
        """The ledger Midcall works with."""
        return self.midcall.ledger

    def set_clock(self) -> Clock:
        """Give the ledger a clock that stands still."""
        clock = Clock()
        self.ledger._clock = clock
        return clock

    async def send(
        self,
        call: Call | None = None,
        *,
        tool: str | Tool = TOOL,
        id: str | None = "",  # noqa: A002 - the word of the ledger and of the platforms
        **arguments: Any,
    ) -> Outcome:
        """One tool call, under an id nobody has had before if none is given; None: the platform sends no ids."""
        tool_call_id = f"tool-call-{next(_ids)}" if id == "" else id
        return await self.midcall.send(call or a_call(), tool, arguments, tool_call_id=tool_call_id)

    async def message(self, outcome: Outcome) -> Message:
        """The message behind an outcome, as it is now."""
        assert outcome.message_id is not None, outcome
        found = await self.ledger.message(outcome.message_id)
        assert found is not None
        return found

    async def events(self, outcome: Outcome, kind: str | None = None) -> list[MessageEvent]:
        """The timeline behind an outcome, of one kind if it is given."""
        assert outcome.message_id is not None, outcome
        return [
            event
            for event in await self.ledger.events(outcome.message_id)
            if kind is None or event.kind == kind
        ]

    async def results(self, outcome: Outcome) -> list[str | None]:
        """What the attempts behind an outcome were answered."""
        assert outcome.message_id is not None, outcome
        return [attempt.result for attempt in await self.ledger.attempts(outcome.message_id)]

    async def receipt(self, *, account: str = "acme", **told: Any) -> Applied:
        """One status callback with one receipt, signed."""
        (applied,) = await self.midcall.take_status(account, callback(told))
        return applied


def callback(*receipts: Mapping[str, Any], secret: str = SECRET) -> WebhookRequest:
    """A status callback as the fake carrier sends it."""
    import json

    return WebhookRequest(
        method="POST",
        url="https://sms.example.com/carriers/acme/status",
        headers={"x-acme-secret": secret},
        body=json.dumps(receipts).encode(),
        received_at=datetime.now(UTC),
    )


@dataclass(slots=True)
class Deploy:
    """`await deploy(...)` starts a Midcall that ends with the test. What is given replaces or adds to the usual settings.

    `tool` changes the one tool, `send_link`; `policies` are hook implementations by plugin name; everything else is a table
    of `midcall.toml`. Two deployments of one test share the ledger unless `ledger` names another file.
    """

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    started: list[Midcall] = field(default_factory=list)

    async def __call__(self, **given: Any) -> Deployment:
        """Settings, plugins, ledger, started."""
        file = self.folder / given.get("ledger", "ledger.db")
        midcall = Midcall(self.settings(**given))
        self.started.append(midcall)
        await midcall.start()
        return Deployment(midcall, file)

    def settings(
        self,
        *,
        tool: Mapping[str, Any] | None = None,
        policies: Mapping[str, object] | None = None,
        ledger: str = "ledger.db",
        server: Mapping[str, Any] | None = None,
        tools: Mapping[str, Any] | None = None,
        **tables: Any,
    ) -> Settings:
        """The settings of a deployment, and its plugins put where the host finds them."""
        self._install(policies or {})
        usual = {
            "accounts": {"acme": {}},
            "platforms": {"voice": {}, "distant": {}},
            # A deadline that a busy machine keeps; the tests of deadlines set their own.
            "hooks": {"deadline_ms": 20_000, "content_deadline_ms": 20_000},
        }
        overrides = {
            **usual,
            **tables,
            "required_plugins": list(policies or {}),
            "server": {"ledger": f"sqlite:///{self.folder / ledger}", **(server or {})},
            "tools": {TOOL: a_tool(**(tool or {})), **(tools or {})},
        }
        # Only these, whatever else is installed beside core.
        names = ",".join([*_PLUGINS, *(policies or {})])
        return load_settings(overrides=overrides, environ={"MIDCALL_PLUGINS": names})

    async def aclose(self) -> None:
        """Stop everything."""
        for midcall in self.started:
            await midcall.aclose()

    def _install(self, policies: Mapping[str, object]) -> None:
        """A distribution that is a dist-info folder on the path, as pip would leave it."""
        module = ModuleType(_POLICIES)
        for number, policy in enumerate(policies.values()):
            setattr(module, f"policy_{number}", policy)
        self.monkeypatch.setitem(sys.modules, _POLICIES, module)
        points = dict(_PLUGINS)
        points |= {name: f"{_POLICIES}:policy_{number}" for number, name in enumerate(policies)}
        site = self.folder / "site"
        info = site / "midcall_fakes-1.0.dist-info"
        info.mkdir(parents=True, exist_ok=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: midcall-fakes\nVersion: 1.0\n")
        lines = "".join(f"{name} = {value}\n" for name, value in points.items())
        (info / "entry_points.txt").write_text(f"[midcall]\n{lines}")
        if str(site) not in sys.path:
            self.monkeypatch.syspath_prepend(str(site))
        importlib.invalidate_caches()
