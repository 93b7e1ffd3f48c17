"""A demo that cannot fail proves nothing: each of these breaks something for real, and it has to say so and exit 1."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from midcall_simulator import Fault, FaultKind
from midcall_simulator.demo import play, playing, server_process, waiting, world
from midcall_simulator.demo.scenes import ANA, FARID
from midcall_simulator.memory import Memory, Text
from midcall_simulator.simulator import Simulator


def played(capsys: pytest.CaptureFixture[str]) -> tuple[int, Any]:
    """The exit code and the JSON of a demo in this process."""
    code = play(fast=True, as_json=True)
    return code, json.loads(capsys.readouterr().out)


def sabotage(monkeypatch: pytest.MonkeyPatch, fault: Fault) -> None:
    """Every simulator from now on has this fault in place before anything else."""

    def broken(*args: Any, **kwargs: Any) -> Simulator:
        sim = Simulator(*args, **kwargs)
        sim.faults.add(fault)
        return sim

    monkeypatch.setattr(world, "Simulator", broken)


def test_a_doubled_text_is_noticed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A carrier that takes one text twice: exit 1, and the scene and the phone are named, masked."""
    take = Memory.take

    def twice(memory: Memory, text: Text) -> None:
        take(memory, text)
        if text.to == ANA:
            take(memory, replace(text, history=[], status="delivered"))

    monkeypatch.setattr(Memory, "take", twice)
    code, found = played(capsys)
    assert code == 1
    assert found["verdict"]["ok"] is False
    row = found["scenes"][1]
    assert (row["texts"], row["ok"]) == ({"expected": 1, "seen": 2}, False)
    assert any(
        "+1202•••0142 has the same text 2 times" in problem for problem in found["verdict"]["problems"]
    )


def test_a_lost_text_is_noticed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A text that never leaves: exit 1 after a bounded wait, with words for what was waited for, and the server's log."""
    monkeypatch.setattr(waiting, "PATIENCE_S", 1.0)
    sabotage(monkeypatch, Fault(kind=FaultKind.DROP_BEFORE, to=ANA))
    code, found = played(capsys)
    assert code == 1
    assert "waited 1 s for the carrier to take a text to +1202•••0142" in found["verdict"]["words"]
    assert [row["played"] for row in found["scenes"]] == [True] + [False] * 10
    assert any("midcall is ready on" in line for line in found["server_log"])


def test_one_request_too_many_is_noticed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The right number of texts in more requests than expected is a difference as well."""
    sabotage(monkeypatch, Fault(kind=FaultKind.RATE_LIMITED, to=FARID, times=1))
    code, found = played(capsys)
    assert code == 1
    assert [row["title"] for row in found["scenes"] if not row["ok"]] == ["The carrier is too busy"]
    assert found["scenes"][7]["requests"] == {"expected": 2, "seen": 3}


def with_setting(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Every server from now on has this variable in its environment."""
    environment = server_process.environment
    monkeypatch.setattr(server_process, "environment", lambda given: environment(given) | {name: value})


def test_a_server_that_sends_twice_is_noticed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the window switched off a model that repeats itself is texted twice: the real server's fault is seen."""
    with_setting(monkeypatch, "MIDCALL_TOOLS__SEND_SMS__WINDOW_S", "0")
    code, found = played(capsys)
    assert code == 1
    assert found["scenes"][2]["texts"] == {"expected": 0, "seen": 1}
    assert "Asked twice: the carrier saw 1 requests and took 1 texts" in found["verdict"]["words"]


def test_a_server_that_does_not_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1 with its exit code, and its own words as they are printed for people."""
    with_setting(monkeypatch, "MIDCALL_SERVER__PORT", "nonsense")
    assert play(fast=True, as_json=False) == 1
    shown = " ".join(capsys.readouterr().out.split())
    assert "`midcall serve` ended with exit code 2 before it was ready" in shown
    assert "MIDCALL_SERVER__PORT" in shown.partition("The server's log:")[2]


def test_a_missing_part_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is not installed is named, with what to install; nothing is started."""
    monkeypatch.setattr(playing, "PARTS", {"sys": "python", "no_such_module": "midcall-nonsense"})
    assert play(fast=True, as_json=False) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "error: the demo needs midcall-nonsense: pip install 'midcall-simulator[demo]'\n"
