"""Commands and routes that the pages and the READMEs name exist: nobody is sent to what is not there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import click
import pytest

from midcall.cli.main import midcall as command_line

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "README.md",
    *sorted(ROOT.glob("plugins/*/README.md")),
    *sorted(ROOT.glob("contrib/*/README.md")),
]

FENCE = re.compile(
    r"^(?P<indent> *)`{3,}(?P<language>[^\n]*)\n(?P<body>.*?)^(?P=indent)`{3,}$", re.MULTILINE | re.DOTALL
)
INDENTED = re.compile(r"^    +(?P<line>midcall .*)$", re.MULTILINE)
INLINE = re.compile(r"`(?P<code>[^`\n]+)`")
SHELLS = {"", "console", "sh", "shell", "bash"}

OURS = re.compile(
    r"https?://(?:sms\.example\.com|YOUR-HOST|127\.0\.0\.1:(?:8080|9001))(?P<path>/[^\s`'\"?)]+)"
)
"""An address of the server or of the simulator, in prose or code."""
ROUTE = re.compile(r"(?:(?:GET|POST|PUT|DELETE) )?(?P<path>/[a-z_][\w./{}-]*)(?:\?.*)?")
"""A route as code in prose, with its method or without."""


def _named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _prose(text: str) -> str:
    return FENCE.sub("", text)


def _shell_lines(text: str) -> Iterator[str]:
    """Every line to be typed: after a `$`, or a whole line of a block that has none."""
    for fence in FENCE.finditer(text):
        if fence["language"].strip() in SHELLS:
            lines = [line.strip() for line in fence["body"].replace("\\\n", "").splitlines()]
            typed = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
            yield from typed or lines
    yield from (found["line"] for found in INDENTED.finditer(_prose(text)))


def _commands(text: str) -> Iterator[tuple[list[str], bool]]:
    """The words after `midcall` in every command a text names, and whether it is to be typed as it stands."""
    for line in _shell_lines(text):
        for part in line.split("&&"):
            words = shlex.split(part)
            while words and re.fullmatch(r"[A-Z][A-Z0-9_]*=.*", words[0]):
                words.pop(0)
            if words and words[0].rpartition("/")[2] == "midcall":
                yield words[1:], True
    for code in INLINE.finditer(_prose(text)):
        if code["code"].startswith("midcall "):
            yield shlex.split(code["code"])[1:], False


def _problem(words: list[str], *, typed: bool) -> str | None:
    """Why nobody could type this."""
    name, command, rest = "midcall", cast("click.Command", command_line), list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        inner = command.get_command(click.Context(command, info_name=name), rest[0])
        if inner is None:
            return f"{name} has no command {rest[0]!r}"
        name, command = f"{name} {rest.pop(0)}", inner
    if typed and not isinstance(command, click.Group):
        try:
            command.make_context(name, rest)
        except click.UsageError as error:
            return f"{name}: {error.format_message()}"
        return None
    known = {spelling for each in command.params for spelling in (*each.opts, *each.secondary_opts)} | {
        "--help"
    }
    options = [word.partition("=")[0] for word in rest if word.startswith("-")]
    unknown = [option for option in options if option not in known]
    return f"{name} has no {', '.join(unknown)}" if unknown else None


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_commands_in_the_pages_exist(page: Path) -> None:
    """A reader may type what a page shows or names: the command is there, and takes these options."""
    found = [_problem(words, typed=typed) for words, typed in _commands(page.read_text(encoding="utf-8"))]
    assert [problem for problem in found if problem] == []


def test_commands_are_found_wherever_they_stand() -> None:
    """In a block with a prompt or without, indented, after `&&`, and in prose; what is no command is not taken for one."""
    text = (
        "```console\n$ pip install x && midcall one\nmidcall is ready\n$ A=b midcall two\n```\n"
        "   ```\n   midcall three --yes\n   ```\n\n    midcall four\n\n`midcall five ID`, `midcall>=0.1`\n"
        "```python\nmidcall = six\n```\n"
    )
    assert [words[0] for words, _ in _commands(text)] == ["one", "two", "three", "four", "five"]


@pytest.mark.parametrize(
    "words", [["doctor"], ["optouts", "forget"], ["send", "x", "--now"], ["plugins", "--al"]]
)
@pytest.mark.parametrize("typed", [True, False])
def test_a_command_that_is_not_there_is_noticed(words: list[str], typed: bool) -> None:
    """The test above can fail: for a command, a command of a group, and an option."""
    assert _problem(words, typed=typed) is not None


def _routes() -> set[str]:
    """Every route of the server, and of the simulator's own."""
    from midcall import Midcall, Settings
    from midcall.server.api import routes
    from midcall.server.openapi import openapi_document
    from midcall_simulator.inspection import Inspection

    nobody = cast("Any", None)  # routes are listed, none is called
    looking_in = {route.path for route in Inspection(nobody, reset=nobody).routes()}
    return (
        {route.path for route in routes(Midcall(Settings()))} | set(openapi_document()["paths"]) | looking_in
    )


def _exists(path: str, routes: set[str]) -> bool:
    """Whether a route has this path, or paths below it when it ends in a slash; `{name}` stands for one part."""
    beginning = path.endswith("/")
    parts = path.strip("/").split("/")
    for route in routes:
        has = route.strip("/").split("/")
        fits = len(has) > len(parts) if beginning else len(has) == len(parts)
        if fits and all(
            there.startswith("{") or there == here for there, here in zip(has, parts, strict=False)
        ):
            return True
    return False


def _paths(text: str) -> Iterator[str]:
    """Every path a text names as one of ours."""
    yield from (found["path"].rstrip(".,;:") for found in OURS.finditer(text))
    for code in INLINE.finditer(_prose(text)):
        if found := ROUTE.fullmatch(code["code"]):
            yield found["path"]


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_routes_in_the_pages_exist(page: Path) -> None:
    """A reader may call or enter what a page names: the server, or the simulator, answers there."""
    routes = _routes()
    assert [path for path in _paths(page.read_text(encoding="utf-8")) if not _exists(path, routes)] == []


def test_a_route_that_is_not_there_is_noticed() -> None:
    """The test above can fail: for an address, and for a route in prose."""
    text = (
        "`https://sms.example.com/carriers/twilio/inbound` `POST /carriers/{account}/inbound` `/carriers/eu/status` "
        "`/carriers/` `/elsewhere/` https://sms.example.com/platforms/retell/tools/send_sms, `GET /_sim/texts?to=`"
    )
    routes = _routes()
    missing = {path for path in _paths(text) if not _exists(path, routes)}
    assert missing == {"/carriers/twilio/inbound", "/carriers/{account}/inbound", "/elsewhere/"}
