"""The demo as a user starts it: the deployed server, real processes, real HTTP."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from midcall_simulator.demo import scenes
from midcall_simulator.demo.scenes import SCENES

if TYPE_CHECKING:
    from contrib.simulator.tests.demo.conftest import Played, StartDemo

CALLERS = [
    scenes.ANA,
    scenes.BEN,
    scenes.CHLOE,
    scenes.DAN,
    scenes.EMMA,
    scenes.FARID,
    scenes.GRACE,
    scenes.HANA,
]
posix = pytest.mark.skipif(os.name != "posix", reason="Windows cannot ask a process to stop")


def document(played: Played) -> Any:
    """The JSON the demo printed: all of standard output is one document."""
    return json.loads(played.out)


def words_of(played: Played, who: str, *, scene: int) -> list[str]:
    """What somebody did or said in a scene."""
    return [
        event["words"]
        for event in document(played)["events"]
        if (event["who"], event["scene"]) == (who, scene)
    ]


def test_every_text_leaves_exactly_once(as_json: Played) -> None:
    """Exit 0 and a good verdict, whatever the environment holds, with the counts of every scene as promised."""
    assert as_json.code == 0, as_json.out + as_json.err
    found = document(as_json)
    assert found["verdict"]["ok"] is True
    assert found["verdict"]["problems"] == []
    assert [(row["requests"]["seen"], row["texts"]["seen"]) for row in found["scenes"]] == [
        (scene.requests, scene.texts) for scene in SCENES
    ]
    assert (found["verdict"]["requests"], found["verdict"]["texts"]) == (8, 6)
    assert all(row["played"] and row["ok"] for row in found["scenes"])


def test_nothing_is_left_behind(as_json: Played) -> None:
    """No folder stays, and standard error is silent when all is well."""
    assert as_json.left_behind == []
    assert as_json.err == ""
    assert document(as_json)["server_log"] == []


def test_five_texts_arrive_and_one_does_not(as_json: Played) -> None:
    """The phones get what the carrier delivered; the text of the unregistered sender arrives nowhere."""
    arrived = [event for event in document(as_json)["events"] if event["what"] == "text"]
    assert [event["to"][-4:] for event in arrived] == [
        number[-4:] for number in (scenes.ANA, scenes.DAN, scenes.EMMA, scenes.FARID, scenes.HANA)
    ]
    assert any("gets nothing" in words for words in words_of(as_json, "phone", scene=6))


def test_the_ledger_tells_what_became_of_a_crash(as_json: Played) -> None:
    """The timeline of the text whose server was killed is the server's own: unknown, then settled by the receipts."""
    [told] = [event for event in document(as_json)["events"] if event["scene"] == 10 and "states" in event]
    assert told["states"] == ["sending", "unknown", "sent", "delivered"]
    assert told["kinds"].count("attempt") <= 1
    assert "recovered" in told["kinds"]


def test_the_same_answer_gets_the_same_words(as_json: Played) -> None:
    """What the agent says comes from the answers: a duplicate is spoken of as one."""
    assert words_of(as_json, "agent", scene=3) == ["I've already sent you that text."] * 2


@pytest.mark.parametrize("name", ["as_json", "as_text"])
def test_no_caller_is_shown(name: str, request: pytest.FixtureRequest) -> None:
    """Callers' numbers are masked, and no secret is printed."""
    played: Played = request.getfixturevalue(name)
    assert [number for number in CALLERS if number in played.out] == []
    assert "+1202•••0142" in played.out or "+1202\\u2022" in played.out
    assert "key_" not in played.out.replace("api_key", "")


def test_a_pipe_gets_plain_lines(as_text: Played) -> None:
    """Without a terminal there are headings, speech, a text, a table and a verdict, and no escape codes."""
    assert as_text.code == 0, as_text.out + as_text.err
    assert "\x1b" not in as_text.out
    for scene in SCENES:
        assert re.search(rf"^\d+  {re.escape(scene.title)} ", as_text.out, re.MULTILINE), scene.title
    assert "“The text is on its way to you.”" in as_text.out
    assert "│ Hi Ana," in as_text.out
    assert "✓ Every text left exactly once: 6 texts in 8 requests" in as_text.out
    assert max(len(line.rstrip()) for line in as_text.out.splitlines()) <= 100


@posix
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopping_it_stops_everything(
    sent: signal.Signals, code: int, start_demo: StartDemo, tmp_path: Path
) -> None:
    """Ctrl-C or SIGTERM in the middle leaves neither the server nor a folder."""
    process = start_demo(tmp_path)
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")
    server = next((int(found[1]) for line in lines if (found := re.search(r"is process (\d+)", line))), None)
    assert server is not None, process.communicate()
    process.send_signal(sent)
    out, err = process.communicate(timeout=30)
    assert process.returncode == code, out + err
    assert "Traceback" not in err
    assert not _lives(server)
    assert list(tmp_path.iterdir()) == []


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_two_at_once(start_demo: StartDemo, tmp_path: Path) -> None:
    """Two demos share nothing: both end well."""
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    both = [start_demo(folder, "--fast", "--json") for folder in folders]
    ended = [process.communicate(timeout=50) for process in both]
    assert [process.returncode for process in both] == [0, 0], ended
    assert [json.loads(out)["verdict"]["texts"] for out, _ in ended] == [6, 6]
