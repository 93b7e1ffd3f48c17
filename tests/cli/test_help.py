"""Help is quick and everywhere; a command that is misspelt gets the one that was meant."""

from __future__ import annotations

import subprocess
import sys

import pytest

from midcall.cli.main import COMMANDS
from tests.cli.conftest import Shell

EVERY = [[name] for name in COMMANDS] + [["optouts", name] for name in ("list", "add", "remove", "import")]


@pytest.mark.parametrize("words", [[], *EVERY], ids=" ".join)
def test_every_command_has_help(shell: Shell, words: list[str]) -> None:
    """`--help` and `-h` print the same, to standard output, and say how the command is used."""
    ran = shell(*words, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: midcall {' '.join(words)}".rstrip())
    assert shell(*words, "-h").out == ran.out
    assert all(len(line) <= 80 for line in ran.out.splitlines())


@pytest.mark.parametrize("words", [[], ["optouts"]], ids=["midcall", "optouts"])
def test_no_command_is_a_question_for_help(shell: Shell, words: list[str]) -> None:
    """Without a command the help is printed, and that is no failure."""
    ran = shell(*words)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == shell(*words, "--help").out
    assert "Commands:" in ran.out


@pytest.mark.parametrize("words", [[], *EVERY], ids=" ".join)
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    """`--help` of each command is there before pydantic, SQLAlchemy, rich or a carrier's SDK could be loaded."""
    script = (
        "import sys\n"
        "from midcall.cli.main import midcall\n"
        f"midcall({[*words, '--help']!r}, standalone_mode=False)\n"
        "heavy = {'alembic', 'phonenumbers', 'pluggy', 'pydantic', 'pydantic_settings', 'rich', 'sqlalchemy', 'starlette',"
        " 'tenacity', 'twilio', 'uvicorn', 'midcall.app', 'midcall.ledger', 'midcall.settings'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_version(shell: Shell) -> None:
    """One line, as other programs print it."""
    from importlib.metadata import version

    assert shell("--version").out == f"midcall {version('midcall')}\n"


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["mesages"], "Did you mean messages?"),
        (["sevre"], "Did you mean serve?"),
        (["messages", "--stat", "sent"], "--state"),
        (["messages", "--limit", "0"], "--limit"),
        (["messages", "--state", "gone"], "delivered"),
        (["send"], "TOOL"),
        (["xyzzy"], "xyzzy"),
    ],
    ids=" ".join,
)
def test_what_is_misspelt(shell: Shell, words: list[str], meant: str) -> None:
    """Exit 2, how the command is used, and what was probably meant; nothing on standard output."""
    ran = shell(*words)
    assert (ran.code, ran.out) == (2, "")
    assert "Usage: midcall" in ran.err
    assert "error: " in ran.err
    assert meant in ran.err


def test_every_one_line_help_is_the_commands_own(shell: Shell) -> None:
    """The table that spares the imports names every command, and modules that are there."""
    from importlib import import_module

    for name, (module, words) in COMMANDS.items():
        assert import_module(module).command.name == name
        assert words.endswith(".")


def test_the_states_are_named(shell: Shell) -> None:
    """Whoever wants the texts of one state finds its name in the help."""
    from midcall import MessageState

    words = shell("messages", "--help").out.replace(",", " ").replace(".", " ").split()
    assert {state.value for state in MessageState} <= set(words)
