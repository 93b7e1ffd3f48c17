"""`midcall optouts`: who wants no texts, by hand and by file."""

from __future__ import annotations

import pytest

from tests.cli.conftest import CALLER, NUMBERS, Carrier, Shell


def _numbers(shell: Shell, *options: str) -> list[str]:
    return [opt_out["number"] for opt_out in shell("optouts", "list", "--json", *options).json]


def test_added_listed_lifted(shell: Shell) -> None:
    """From the first word to the last, for people and programs; what was lifted stays in the history."""
    assert shell("optouts", "list").out == "Nobody has opted out.\n"
    added = shell("optouts", "add", "+1 202 555 0142", "--evidence", "asked on the phone")
    assert added.code == 0
    assert CALLER in added.out
    again = shell("optouts", "add", CALLER, "--json").json
    assert (again["number"], again["evidence"], again["lifted_at"]) == (CALLER, "asked on the phone", None)
    listed = shell("optouts", "list").out
    assert CALLER in listed
    assert "asked on the phone" in listed
    assert shell("optouts", "remove", CALLER, "--json").json == {"number": CALLER, "lifted": True}
    assert _numbers(shell) == []
    assert _numbers(shell, "--all") == [CALLER]
    assert "lifted" in shell("optouts", "list", "--all").out
    twice = shell("optouts", "remove", CALLER)
    assert twice.code == 1
    assert "had not opted out" in twice.out


def test_who_opted_out_gets_no_text(ready: Shell, carrier: Carrier) -> None:
    """What is added here is what the sending looks at."""
    ready("optouts", "add", CALLER)
    sent = ready("send", "send_sms", *NUMBERS, "--var", "name=Ann", "--yes", "--json")
    assert (sent.code, sent.json["reason"], carrier.posts()) == (1, "opted_out", 0)


@pytest.mark.parametrize("command", ["add", "remove"])
@pytest.mark.parametrize("number", ["2025550142", "nobody", "+1", ""])
def test_a_number_that_is_none(shell: Shell, command: str, number: str) -> None:
    """Exit 2, and how it is written."""
    ran = shell("optouts", command, number)
    assert (ran.code, ran.out) == (2, "")
    assert "NUMBER" in ran.err
    assert "+12025550142" in ran.err


@pytest.mark.parametrize(
    "text",
    [
        "+12025550142\n+12025550143\n",
        "\ufeff+12025550142\r\n+12025550143",
        "number\n+12025550142\n+12025550143\n",
        "phone,name\n+12025550142,Ann\n+12025550143,Bob\n",
        "phone;name\n+12025550142;Ann\n+12025550143;Bob\n",
        "phone\tname\n+12025550142\tAnn\n+12025550143\tBob\n",
        '"+1 202 555 0142","Ann, called Annie"\n"+1 (202) 555-0143","Bob\nof the second line"\n',
        "# since May\n\n+12025550142\n   \n+12025550143\n+12025550142\n",
    ],
    ids=["lines", "from Windows", "a heading", "CSV", "semicolons", "tabs", "quoted", "comments and repeats"],
)
@pytest.mark.parametrize("way", ["file", "standard input"])
def test_a_file(shell: Shell, text: str, way: str) -> None:
    """One number a line, or any kind of CSV that spreadsheets write; twice is as good as once."""
    content = text.encode()
    (shell.folder / "stop.csv").write_bytes(content)
    if way == "file":
        ran = shell("optouts", "import", "stop.csv", "--json")
    else:
        ran = shell("optouts", "import", "-", "--json", stdin=content)
    assert ran.code == 0, ran.err
    assert ran.json["added"] == 2
    assert sorted(_numbers(shell)) == [CALLER, "+12025550143"]
    (evidence,) = {
        each["evidence"].partition(" line ")[0] for each in shell("optouts", "list", "--json").json
    }
    assert evidence == ("stop.csv" if way == "file" else "standard input")
    again = shell("optouts", "import", "stop.csv")
    assert again.out.startswith("0 added, ")


def test_all_or_none(shell: Shell) -> None:
    """One bad line among good ones: its number is named, nothing is imported, and the numbers are not printed."""
    lines = ["+12025550142"] * 3 + ["nobody", "+12025550143", "2025550144", "1.20256E+10"]
    shell.write("\n".join(lines), "stop.csv")
    ran = shell("optouts", "import", "stop.csv")
    assert (ran.code, ran.out) == (2, "")
    assert "line 4, 6, 7" in ran.err
    assert "Nothing was imported" in ran.err
    assert _numbers(shell) == []
    shell.write("x1\n" * 50, "worse.csv")
    assert "and 40 more" in shell("optouts", "import", "worse.csv").err


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe+\x001\x00", b"+12025550142\n\x00\x00", b'"+12025550142' + b"x" * 200_000, b"\xfc"],
    ids=["UTF-16", "zero bytes", "a field without an end", "Latin-1"],
)
def test_a_file_that_is_no_text(shell: Shell, content: bytes) -> None:
    """Exit 2 with words, and nothing is imported."""
    (shell.folder / "stop.csv").write_bytes(content)
    ran = shell("optouts", "import", "stop.csv")
    assert (ran.code, ran.out) == (2, "")
    assert "stop.csv" in ran.err
    assert _numbers(shell) == []


def test_a_file_that_cannot_be_read(shell: Shell) -> None:
    """Not there, or a folder: exit 2 with its name."""
    (shell.folder / "folder").mkdir()
    for name in ("nowhere.csv", "folder"):
        ran = shell("optouts", "import", name)
        assert ran.code == 2
        assert name in ran.err


def test_an_empty_file(shell: Shell) -> None:
    """Nothing to do is done."""
    shell.write("", "stop.csv")
    assert shell("optouts", "import", "stop.csv", "--json").json == {"added": 0, "already": 0}
