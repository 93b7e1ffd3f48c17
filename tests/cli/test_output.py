"""How it looks: tables that fit the terminal, colours where they are wanted, and no noise when nobody reads."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import AGENT, NUMBERS, Carrier, Shell

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals")

Terminal = Callable[..., str]
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def terminal(ready: Shell) -> Terminal:
    """Runs a command in a terminal of `columns` columns, and answers what the person sees, colours and all."""

    def run(*words: str, columns: int, **variables: str) -> str:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        with subprocess.Popen(
            ready.command(*words),
            cwd=ready.folder,
            env=ready.environment(**{"TERM": "xterm-256color"} | variables),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        ) as process:
            os.close(theirs)
            seen = b""
            # The terminal is gone when the last who held it has ended; reading then fails.
            with contextlib.suppress(OSError):
                while chunk := os.read(ours, 65_536):
                    seen += chunk
            process.wait(timeout=30)
        os.close(ours)
        return seen.decode().replace("\r\n", "\n")

    return run


@pytest.fixture
def sent(ready: Shell, carrier: Carrier) -> Shell:
    """A ledger with an accepted text, a refused one, and one whose reason is long."""
    ready("send", "send_sms", *NUMBERS, "--var", "name=Ann", "--yes")
    ready("send", "send_sms", *NUMBERS, "--yes")
    ready("send", "send_sms", "--from", AGENT, "--to", "+17025550111", "--var", "name=Bob", "--yes")
    ready("optouts", "add", "+12025550143", "--evidence", "said on the phone that it is enough, and for good")
    return ready


EVERY = [
    ["messages"],
    ["optouts", "list"],
    ["optouts", "list", "--all"],
    ["plugins"],
    ["send", "send_sms", *NUMBERS],
]


@pytest.mark.parametrize("columns", [80, 200])
def test_tables_fit(sent: Shell, terminal: Terminal, columns: int) -> None:
    """No line is longer than the terminal, no heading is cut, and every state and reason is there in full."""
    for words in EVERY:
        seen = COLOURS.sub("", terminal(*words, columns=columns))
        assert all(len(line) <= columns for line in seen.splitlines()), seen
    seen = COLOURS.sub("", terminal("messages", columns=columns))
    heading, *lines = seen.splitlines()
    for column in ("id", "at (UTC)", "state", "reason", "to", "text"):
        assert re.search(rf"\b{re.escape(column)}", heading)
    for shown in ("accepted", "rejected", "landline", "unresolved_variable", "+1702•••0111"):
        assert shown in seen
    assert len(lines) == 3, seen


def test_a_wide_terminal_has_it_all(sent: Shell, terminal: Terminal) -> None:
    """Where there is room, ids and texts are whole."""
    seen = COLOURS.sub("", terminal("messages", columns=200))
    assert re.search(r"^[0-9a-f-]{36} ", seen, re.MULTILINE)
    assert "Hi Ann, here is your link: https://example.com/b" in seen
    assert "…" not in seen


def test_a_short_id_is_good_for_showing(sent: Shell, terminal: Terminal) -> None:
    """What a narrow list shows of an id is enough to ask for that text."""
    seen = COLOURS.sub("", terminal("messages", columns=80))
    ids = [line.split()[0] for line in seen.splitlines()[1:]]
    assert all(len(each) < 30 for each in ids)
    for each in ids:
        assert sent("messages", each).code == 0


def test_one_text_in_a_narrow_terminal(sent: Shell, terminal: Terminal) -> None:
    """Everything is there, folded and not cut."""
    (first, *_) = sent("messages", "--json").json
    seen = COLOURS.sub("", terminal("messages", first["id"], columns=60))
    assert all(len(line) <= 60 for line in seen.splitlines())
    assert "…" not in seen
    assert "landline" in seen


def test_colours_only_where_they_are_wanted(sent: Shell, terminal: Terminal) -> None:
    """In a terminal; not with NO_COLOR, not in a dumb one, not in a pipe. An empty NO_COLOR is none (no-color.org)."""
    for words in (["messages"], ["send", "send_sms", *NUMBERS]):
        assert COLOURS.search(terminal(*words, columns=100))
        assert COLOURS.search(terminal(*words, columns=100, NO_COLOR=""))
        assert "\x1b" not in terminal(*words, columns=100, NO_COLOR="1")
        assert "\x1b" not in sent(*words).out


def test_a_dumb_terminal(sent: Shell, terminal: Terminal) -> None:
    """TERM=dumb knows no colours."""
    seen = terminal("messages", columns=80, TERM="dumb")
    assert "\x1b" not in seen
    assert "accepted" in seen


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["messages"],
        ["messages", "--json"],
        ["plugins"],
        ["optouts", "list"],
        ["send", "send_sms", *NUMBERS],
    ],
    ids=" ".join,
)
def test_nobody_reads_any_more(sent: Shell, words: list[str]) -> None:
    """`| head -1` and its like: no traceback, no complaint, no hanging."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        sent.command(*words),
        cwd=sent.folder,
        env=sent.environment(),
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=30,
        check=False,
    )
    os.close(writing)
    assert done.stderr == b""


def test_what_was_done_is_in_the_exit_code_though_nobody_reads(ready: Shell, carrier: Carrier) -> None:
    """A text that may have been sent is exit 3 also when its outcome could not be printed."""
    reading, writing = os.pipe()
    os.close(reading)
    words = ("send", "send_sms", "--from", AGENT, "--to", "+17025550143", "--var", "name=Ann", "--yes")
    done = subprocess.run(
        ready.command(*words),
        cwd=ready.folder,
        env=ready.environment(),
        stdout=writing,
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, carrier.posts()) == (3, 1)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_an_output_that_lacks_characters(sent: Shell, encoding: str) -> None:
    """A table shows ? for what the terminal cannot; JSON is the same document in any encoding."""
    import json

    def run(*words: str) -> bytes:
        return subprocess.run(
            sent.command(*words),
            cwd=sent.folder,
            env=sent.environment(PYTHONIOENCODING=encoding),
            capture_output=True,
            timeout=30,
            check=True,
        ).stdout

    sent("optouts", "add", "+12025550144", "--evidence", "наконец 👋")
    (first, *_) = json.loads(run("optouts", "list", "--json").decode(encoding))
    assert first["evidence"] == "наконец 👋"
    assert b"+12025550144" in run("optouts", "list")


def test_every_json_is_one_document(sent: Shell, tmp_path: Path) -> None:
    """`--json` prints JSON and nothing else, the same keys every time."""
    (listed, *_) = sent("messages", "--json").json
    sent.write("+12025550145\n", "stop.txt")
    keys = {
        "plugins": {
            "name",
            "kind",
            "state",
            "distribution",
            "version",
            "problem",
            "instances",
            "hooks",
            "quarantined",
        },
        "optouts list": {"number", "scope", "source", "evidence", "at", "lifted_at"},
        "optouts add +12025550146": {"number", "scope", "source", "evidence", "at", "lifted_at"},
        "optouts remove +12025550146": {"number", "lifted"},
        "optouts import stop.txt": {"added", "already"},
        f"messages {listed['id']}": {*listed, "attempts_made", "events"},
    }
    for words, expected in keys.items():
        shown = sent(*words.split(), "--json").json
        for each in shown if isinstance(shown, list) else [shown]:
            assert set(each) == expected, words
