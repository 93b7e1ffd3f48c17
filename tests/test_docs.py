"""The documentation is checked like code: what is made from the code is made again, what can be run is run."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import types
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from importlib import invalidate_caches
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import click
import pytest

from midcall import Call, Capabilities, Direction, MessageState, Reason, Status, Tool
from midcall.app import Midcall
from midcall.assembly import plugin_host
from midcall.cli.exits import Exit
from midcall.settings import Settings, load_settings, settings_reference

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = sorted(DOCS.glob("*.md"))
INSTALLED = {"twilio", "retell"}
MIDCALL = [sys.executable, "-c", "from midcall.cli import main; main()"]
SIMULATOR = [sys.executable, "-c", "from midcall_simulator.command import main; raise SystemExit(main())"]

FENCE = re.compile(
    r"^(?P<indent> *)(?P<marks>`{3,})(?P<info>[^\n]*)\n(?P<body>.*?)^(?P=indent)(?P=marks)$",
    re.MULTILINE | re.DOTALL,
)
LINK = re.compile(r"(?<!!)\[(?:[^\]]+)\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#{1,3} (?P<words>.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its page, the line its body begins on, its language and its text without indentation."""

    page: Path
    line: int
    language: str
    text: str


def _blocks(page: Path, language: str) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = []
    for fence in FENCE.finditer(text):
        indent = len(fence["indent"])
        body = "".join(line[indent:] or "\n" for line in fence["body"].splitlines(keepends=True))
        found.append(Block(page, text.count("\n", 0, fence.start("body")) + 1, fence["info"].strip(), body))
    return [block for block in found if block.language == language]


def _text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def _outside_code(text: str) -> str:
    return FENCE.sub("", text)


def _generator() -> Any:
    spec = spec_from_file_location("docs_generate", DOCS / "_generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATE = _generator()
COMMANDS: dict[str, click.Command] = dict(GENERATE.commands())


def _by_page(page: Path) -> str:
    return page.name


# What is made from the code -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=_by_page)
def test_generated_parts_are_up_to_date(page: Path) -> None:
    """What the code says today is what the page says."""
    text = page.read_text(encoding="utf-8")
    assert text == GENERATE.regenerated(text), f"{page.name} is behind the code: run {GENERATE.COMMAND}"


def test_every_generated_part_stands_in_a_page() -> None:
    """No part is made for nothing, and no page has a mark that is not closed."""
    whole = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = [found["name"] for found in GENERATE.MARKED.finditer(whole)]
    assert sorted(named) == sorted(GENERATE.SECTIONS)
    assert whole.count("<!-- generated:") == whole.count("<!-- end -->") == len(named)


def test_a_stale_part_is_noticed() -> None:
    """The comparison above can fail: words between the marks do not survive."""
    stale = "<!-- generated: exits -->\nold words\n<!-- end -->\n"
    assert "old words" not in GENERATE.regenerated(stale)


# Everything is documented ---------------------------------------------------------------------------------------------


def _headings(name: str) -> set[str]:
    return {found["words"] for found in HEADING.finditer(_outside_code(_text(name)))}


def _first_cells(name: str) -> set[str]:
    """The first cell of every table row, without backticks."""
    rows = re.findall(r"^\| ([^|]+) \|", _text(name), re.MULTILINE)
    return {row.strip().strip("`") for row in rows}


def test_every_hook_is_documented() -> None:
    """Each hook has a heading of its own."""
    assert set(GENERATE.HOOKS) <= _headings("hooks.md")
    assert len(GENERATE.HOOKS) == 7


def test_every_setting_is_documented() -> None:
    """Each key, each variable, each field of a tool has a row."""
    rows = settings_reference()
    assert {row.key or row.variable for row in rows} <= _first_cells("configuration.md")
    assert set(Tool.model_fields) <= _first_cells("configuration.md")


def test_every_command_is_documented() -> None:
    """Each command has a heading, each of its options a row below that heading."""
    page = _text("cli.md")
    for name, command in COMMANDS.items():
        section = re.search(rf"^##+ {name}\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)
        assert section is not None, f"cli.md has no heading for {name}"
        for option in command.params:
            if isinstance(option, click.Option):
                for spelling in option.opts:
                    assert re.search(rf"`[^`]*{spelling}\b", section[1]), (
                        f"cli.md does not have {spelling} of {name}"
                    )


def test_every_exit_code_is_documented() -> None:
    """Scripts rely on these, so each has a row."""
    assert {str(each.value) for each in Exit} <= _first_cells("cli.md")


def test_every_reason_status_and_state_is_documented() -> None:
    """What agents, the API and the ledger may say can be looked up."""
    assert {reason.value for reason in Reason} <= _first_cells("reasons.md")
    assert {status.value for status in Status} <= _first_cells("concepts.md")
    assert {state.value for state in MessageState} <= _first_cells("concepts.md")


def test_every_route_is_documented() -> None:
    """Each route the server answers has a row, with its method."""
    from midcall.server.api import routes
    from midcall.server.openapi import openapi_document

    served = {route.path for route in routes(Midcall(Settings()))} | set(openapi_document()["paths"])
    rows = {row.partition(" ")[2] for row in _first_cells("http.md") if row.startswith(("GET /", "POST /"))}
    assert served == rows
    answers = {status for *_, operation in GENERATE._operations() for status in operation["responses"]}
    assert {status for status in answers if status >= "400"} <= _first_cells("http.md")


def test_every_capability_is_documented() -> None:
    """A carrier's author finds each thing a carrier may declare."""
    page = _text("writing-plugins.md")
    assert [each.name for each in fields(Capabilities) if f"`{each.name}`" not in page] == []


# Links and pictures ---------------------------------------------------------------------------------------------------


def _anchor(words: str) -> str:
    """A heading's anchor as GitHub and MyST make it."""
    return re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=_by_page)
def test_links_lead_somewhere(page: Path) -> None:
    """A link inside the documentation names a page that is there and a heading it has."""
    broken = []
    for found in LINK.finditer(_outside_code(page.read_text(encoding="utf-8"))):
        target = found["target"]
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        there = DOCS / name if name else page
        if not there.exists() or (anchor and anchor not in {_anchor(each) for each in _headings(there.name)}):
            broken.append(target)
    assert broken == []


def test_every_page_is_reached_from_the_first() -> None:
    """The map names every page, and so does the table of contents."""
    index = _text("index.md")
    for page in PAGES:
        if page.name != "index.md":
            assert f"({page.name})" in index
            assert re.search(rf"^{page.stem}$", index, re.MULTILINE)


def test_the_picture_has_every_step() -> None:
    """The picture of the journey can be read, and shows its nine steps in order."""
    root = ET.parse(DOCS / "journey.svg").getroot()  # noqa: S314 - our own file, not a stranger's
    numbers = [
        text.text for text in root.iter("{http://www.w3.org/2000/svg}text") if text.get("class") == "n"
    ]
    assert numbers == [str(step) for step in range(1, 10)]


@pytest.mark.parametrize("page", PAGES, ids=_by_page)
def test_code_fits_the_page(page: Path) -> None:
    """A reader sees whole lines of code, without a scroll bar."""
    lines = [
        line
        for fence in FENCE.finditer(page.read_text(encoding="utf-8"))
        for line in fence["body"].splitlines()
    ]
    assert [line for line in lines if len(line) > GENERATE.LONGEST_CODE] == []


# Code in the pages ----------------------------------------------------------------------------------------------------

LIVE = DOCS / "start.md"
"""The page whose scripts talk to a server; it has a test of its own."""
RUN = [page for page in PAGES if page != LIVE and _blocks(page, "python")]


def _namespace(name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A module to run code in: pydantic and pluggy look names up in the module a class says it is from."""
    module = types.ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    return vars(module)


def _run(block: Block, namespace: dict[str, Any]) -> None:
    padded = "\n" * (block.line - 1) + block.text  # so that a traceback names the page's own line
    exec(compile(padded, str(block.page), "exec", dont_inherit=True), namespace)  # noqa: S102 - it is our own page


@pytest.mark.parametrize("page", RUN, ids=_by_page)
def test_python_in_the_pages_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader may copy a page's Python in the order it stands there, and it works."""
    monkeypatch.chdir(tmp_path)
    namespace = _namespace(f"docs_{page.stem.replace('-', '_')}", monkeypatch)
    for block in _blocks(page, "python"):
        _run(block, namespace)


TOML = [block for page in PAGES for block in _blocks(page, "toml")]


@pytest.mark.parametrize("block", TOML, ids=lambda block: f"{block.page.name}:{block.line}")
def test_settings_in_the_pages_are_valid(block: Block, tmp_path: Path) -> None:
    """A reader may copy a settings file: every key is one that there is, of a plugin too where it is installed."""
    file = tmp_path / "midcall.toml"
    file.write_text(block.text, encoding="utf-8")
    settings = load_settings(config=file, environ={})
    named = {settings.carrier_of(each) for each in settings.accounts}
    named |= {settings.platform_of(each) for each in settings.platforms}
    named |= {*settings.plugins, *settings.required_plugins, *settings.order}
    if named <= INSTALLED:
        plugin_host(settings).load()


# The plugins in the pages ---------------------------------------------------------------------------------------------


def _file_in(page: str, name: str) -> str:
    """The block that begins with `# name`."""
    (found,) = [
        block.text for block in _blocks(DOCS / page, "python") if block.text.startswith(f"# {name}\n")
    ]
    return found


def _install(folder: Path, *, module: str, source: str, plugin: str, value: str) -> None:
    """A package as pip would leave it behind."""
    (folder / f"{module}.py").write_text(source, encoding="utf-8")
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    name = module.replace("_", "-")
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: midcall>=0.1,<0.2\n",
        encoding="utf-8",
    )
    (info / "entry_points.txt").write_text(f"[midcall]\n{plugin} = {value}\n", encoding="utf-8")
    invalidate_caches()


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages, gone afterwards with what was imported from it."""
    folder = tmp_path / "packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    for module in [name for name in sys.modules if (folder / f"{name}.py").exists()]:
        del sys.modules[module]


def _settings(**overrides: Any) -> Settings:
    tools = {"send_offer": {"sms_content": {"type": "predefined", "text": "10 % off today"}}}
    given: dict[str, Any] = {"server": {"ledger": "sqlite://"}, "tools": tools, **overrides}
    return load_settings(config=Path(os.devnull), environ={}, overrides=given)


def _call(**variables: str) -> Call:
    numbers: dict[str, Any] = {"user_number": "+12025550142", "agent_number": "+12025550100"}
    return Call(platform="test", id="call_1", direction=Direction.INBOUND, variables=variables, **numbers)


async def test_the_carrier_in_the_pages_works(packages: Path) -> None:
    """It is under 60 lines, is found by its entry point, and a text goes out through it and settles by its receipt."""
    import hashlib
    import hmac
    from datetime import UTC, datetime

    from aiohttp import web

    from midcall import WebhookRequest

    source = _file_in("writing-plugins.md", "midcall_acme.py")
    assert len(source.splitlines()) < 60
    _install(packages, module="midcall_acme", source=source, plugin="acme", value="midcall_acme:Acme")
    taken = []

    async def texts(request: web.Request) -> web.Response:
        taken.append(await request.json())
        return web.json_response({"id": f"text_{len(taken)}"}, status=201)

    app = web.Application()
    app.router.add_post("/texts", texts)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        settings = _settings(
            accounts={"acme": {"api_key": "secret", "base_url": url}},
            server={"ledger": "sqlite://", "public_url": "https://sms.example.com"},
        )
        async with Midcall(settings) as midcall:
            outcome = await midcall.send(_call(), "send_offer", tool_call_id="tool_call_1")
            assert (outcome.status, outcome.detail) == (Status.ACCEPTED, "")
            assert [text["to"] for text in taken] == ["+12025550142"]
            body = json.dumps({"id": "text_1", "status": "delivered"}).encode()
            signature = hmac.new(b"secret", body, hashlib.sha256).hexdigest()
            signed, now = {"x-acme-signature": signature}, datetime.now(UTC)
            callback = WebhookRequest(
                method="POST", url=taken[0]["callback"], headers=signed, body=body, received_at=now
            )
            (applied,) = await midcall.take_status("acme", callback)
            assert applied.message is not None
            assert applied.message.state is MessageState.DELIVERED
            again = await midcall.send(_call(), "send_offer", tool_call_id="tool_call_1")
            assert (again.status, again.duplicate, len(taken)) == (Status.DELIVERED, True, 1)
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(("consent", "allowed"), [("yes", True), ("no", False)])
async def test_the_policy_in_the_pages_works(packages: Path, consent: str, allowed: bool) -> None:
    """It is under ten lines, is asked because it is installed, and its verdict carries its name."""
    carrier = _file_in("writing-plugins.md", "midcall_acme.py")
    policy = _file_in("hooks.md", "acme_consent.py")
    assert len([line for line in policy.splitlines()[1:] if line]) < 10
    _install(packages, module="midcall_acme", source=carrier, plugin="acme", value="midcall_acme:Acme")
    _install(packages, module="acme_consent", source=policy, plugin="consent", value="acme_consent")
    settings = _settings(accounts={"acme": {"api_key": "secret"}}, required_plugins=["consent"])
    async with Midcall(settings) as midcall:
        preview = await midcall.preview(_call(consent=consent), "send_offer")
    assert (preview.refusal is None) is allowed
    denied = [verdict for verdict in preview.verdicts if not verdict.allowed]
    assert [(each.plugin, each.reason) for each in denied] == (
        [] if allowed else [("consent", "policy_denied")]
    )


async def test_the_policy_with_settings_works(packages: Path) -> None:
    """It is made with its table of the settings, and a wrong key there stops the start."""
    from midcall import ConfigError

    source = _file_in("hooks.md", "acme_quiet.py")
    _install(
        packages, module="acme_quiet", source=source, plugin="quiet-hours", value="acme_quiet:QuietHours"
    )
    (wrong,) = [block for block in TOML if "[plugins.quiet-hours]" in block.text]
    file = packages / "midcall.toml"
    file.write_text(wrong.text, encoding="utf-8")
    plugin_host(load_settings(config=file, environ={})).load()
    file.write_text(wrong.text.replace("zone", "zoon"), encoding="utf-8")
    with pytest.raises(ConfigError, match="zoon"):
        plugin_host(load_settings(config=file, environ={})).load()


# The first page, from its first line to its last ----------------------------------------------------------------------


def _first_line(stream: Any, beginning: str) -> str:
    """The first line that begins so; a program that ends before it says so has failed."""
    seen = []
    for line in stream:
        seen.append(line)
        if line.startswith(beginning):
            return str(line).strip()
    raise AssertionError(f"no line began with {beginning!r}: {''.join(seen)}")


@contextmanager
def _running(command: list[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE, **options) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=30)


def _expected(page: Path) -> Iterator[tuple[list[str], list[str]]]:
    """Each `midcall` command of a page with the lines that the page shows below it."""
    for block in _blocks(page, "console"):
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, *shown = part.splitlines()
            if command.startswith("midcall ") and not command.startswith("midcall serve"):
                yield shlex.split(command)[1:], [" ".join(line.split()) for line in shown if line.strip()]


def test_the_first_page_is_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its settings, commands and scripts do what it says, against the simulated carrier and a real server."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "midcall.toml").write_text(_blocks(LIVE, "toml")[0].text, encoding="utf-8")
    agent, export = _blocks(LIVE, "python")
    with _running([*SIMULATOR, "--port", "0", "--json"]) as carrier:
        url = json.loads(_first_line(carrier.stdout, "{"))["url"]
        environment = os.environ | {"MIDCALL_ACCOUNTS__TWILIO__BASE_URL": url}

        def midcall(words: list[str]) -> tuple[int, set[str]]:
            """The exit code and the lines, without what makes columns of them."""
            command = [*MIDCALL, *words]
            ran = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=30, check=False
            )
            return ran.returncode, {" ".join(line.split()) for line in ran.stdout.splitlines()}

        shown = list(_expected(LIVE))
        assert len(shown) == 4
        for words, lines in shown:
            code, said = midcall(words)
            assert (code, [line for line in lines if line not in said]) == (0, []), said
        dry_run = shown[1][0]
        code, said = midcall(dry_run[:-2])  # without its --var
        assert code == Exit.REJECTED
        assert any("unresolved_variable" in line and "{{name}}" in line for line in said)
        code, said = midcall([*dry_run, "--from", "+12025550103"])
        assert code == Exit.REJECTED
        assert any(line.startswith("twilio denies sender_not_registered") for line in said)
        with _running([*MIDCALL, "serve", "--port", "0"], env=environment, stderr=subprocess.PIPE) as server:
            ready = _first_line(server.stderr, "midcall is ready")
            monkeypatch.setenv("MIDCALL_URL", ready.rpartition(" ")[2])
            _run(agent, _namespace("docs_start", monkeypatch))
        monkeypatch.delenv("MIDCALL_URL")  # it is no setting, and settings are strict
        _run(export, _namespace("docs_start", monkeypatch))
        with urllib.request.urlopen(f"{url}/_sim/texts", timeout=10) as answer:  # noqa: S310 - loopback
            assert len(json.loads(answer.read())["texts"]) == 2
