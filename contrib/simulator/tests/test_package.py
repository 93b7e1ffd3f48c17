"""The package as others meet it: its one door, its pytest fixture, and small things that stand alone."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import midcall_simulator
from midcall_simulator.magic import MAGIC_NUMBERS
from midcall_simulator.twilio.segments import segments

ROOT = Path(__file__).resolve().parents[1]


def _python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env=_environment(),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _environment() -> dict[str, str]:
    source = str(Path(midcall_simulator.__file__).parents[1])
    return {"PYTHONPATH": source, "PATH": "", "PYTHONDONTWRITEBYTECODE": "1"}


def test_every_promised_name_is_there() -> None:
    """Everything in `__all__` can be had from the one door, and an unknown name cannot."""
    for name in midcall_simulator.__all__:
        assert getattr(midcall_simulator, name) is not None
    with pytest.raises(AttributeError, match="Nonsense"):
        _ = midcall_simulator.Nonsense


def test_the_plugin_costs_no_server() -> None:
    """Loading the pytest plugin imports no HTTP library: every pytest run in the environment loads it."""
    loaded = _python("import sys, midcall_simulator.pytest_plugin; print('aiohttp' in sys.modules)")
    assert loaded == "False"


def test_the_retell_side_needs_no_server() -> None:
    """Making Retell's JSON imports no HTTP library."""
    loaded = _python(
        "import sys; from midcall_simulator.retell import RetellCall; print('aiohttp' in sys.modules)"
    )
    assert loaded == "False"


def test_the_simulator_needs_no_twilio() -> None:
    """The simulator runs where no carrier's SDK is installed, and reads no description at run time."""
    _python(
        "import sys; sys.modules['twilio'] = None; sys.modules['openapi_core'] = None\n"
        "import asyncio; from midcall_simulator import Simulator\n"
        "async def run():\n"
        "    async with Simulator() as sim: return sim.url\n"
        "asyncio.run(run())"
    )


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """pytest in a subprocess finds our plugin as if the package were installed: by the entry point it declares."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [(name, module)] = project["entry-points"]["pytest11"].items()
    folder = tmp_path / "site" / f"midcall_simulator-{project['version']}.dist-info"
    folder.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (folder / "METADATA").write_text(metadata, encoding="utf-8")
    (folder / "entry_points.txt").write_text(f"[pytest11]\n{name} = {module}\n", encoding="utf-8")
    (folder / "RECORD").write_text("", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([_environment()["PYTHONPATH"], str(folder.parent)]))


FIXTURE_TEST = """
    import asyncio
    import pytest

    {mark}
    async def test_it_listens(midcall_simulator):
        reader, writer = await asyncio.open_connection("127.0.0.1", midcall_simulator.port)
        writer.close()
        assert len(midcall_simulator.texts) == 0
"""


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(("mode", "mark"), [("auto", ""), ("strict", "@pytest.mark.asyncio")])
def test_the_fixture_starts_a_simulator(pytester: pytest.Pytester, mode: str, mark: str) -> None:
    """Another project's async test gets a started simulator, in either mode of pytest-asyncio."""
    pytester.makepyfile(FIXTURE_TEST.format(mark=mark))
    result = pytester.runpytest_subprocess(
        f"--asyncio-mode={mode}",
        "-o",
        "asyncio_default_fixture_loop_scope=function",
        "-W",
        "error",
        timeout=50,
    )
    result.assert_outcomes(passed=1)


@pytest.mark.usefixtures("installed")
def test_without_pytest_asyncio_pytest_still_runs(pytester: pytest.Pytester) -> None:
    """Where pytest-asyncio is missing, other tests run, and the fixture says what to install."""
    pytester.makepyfile(
        hide_asyncio="""
        import importlib.util
        import sys

        found = importlib.util.find_spec
        importlib.util.find_spec = lambda name, *rest: None if name == "pytest_asyncio" else found(name, *rest)
        sys.modules["pytest_asyncio"] = None
        """
    )
    pytester.makepyfile(
        """
        def test_something_else():
            pass

        def test_it_listens(midcall_simulator):
            pass
        """
    )
    pytester.syspathinsert()
    result = pytester.runpytest_subprocess("-p", "hide_asyncio", "-p", "no:asyncio", timeout=50)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*needs pytest-asyncio: pip install pytest-asyncio*"])


def test_magic_numbers_are_fictional_and_different() -> None:
    """Each is +1 702 555 01xx, and none stands twice."""
    numbers = [entry.number for entry in MAGIC_NUMBERS]
    assert len(set(numbers)) == len(numbers)
    assert all(number.startswith("+170255501") and len(number) == 12 for number in numbers)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 152, 3),
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("ж" * 66 + "😀" + "ж" * 66, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
    ],
)
def test_segments(body: str, expected: int) -> None:
    """A two-unit character never straddles two segments."""
    assert segments(body) == expected
