"""The package as others meet it: its one door, its pytest fixture, its README."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import midcall_simulator
from midcall_simulator.magic import MAGIC_NUMBERS, magic_table
from midcall_simulator.twilio.segments import segments

README = Path(__file__).resolve().parents[1] / "README.md"


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
        _ = midcall_simulator.Nonsense  # type: ignore[attr-defined]  # the point of the test


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
def only_named_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest in a subprocess loads only the plugins it is told to, whatever else is installed here."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", _environment()["PYTHONPATH"])


OURS = ("-p", "midcall_simulator.pytest_plugin")

FIXTURE_TEST = """
    import asyncio
    import pytest

    {mark}
    async def test_it_listens(midcall_simulator):
        reader, writer = await asyncio.open_connection("127.0.0.1", midcall_simulator.port)
        writer.close()
        assert len(midcall_simulator.texts) == 0
"""


@pytest.mark.usefixtures("only_named_plugins")
@pytest.mark.parametrize(("mode", "mark"), [("auto", ""), ("strict", "@pytest.mark.asyncio")])
def test_the_fixture_starts_a_simulator(pytester: pytest.Pytester, mode: str, mark: str) -> None:
    """Another project's async test gets a started simulator, in either mode of pytest-asyncio."""
    pytester.makepyfile(FIXTURE_TEST.format(mark=mark))
    result = pytester.runpytest_subprocess(
        *OURS, "-p", "pytest_asyncio.plugin", f"--asyncio-mode={mode}", "-W", "error", timeout=50
    )
    result.assert_outcomes(passed=1)


@pytest.mark.usefixtures("only_named_plugins")
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
    result = pytester.runpytest_subprocess("-p", "hide_asyncio", *OURS, timeout=50)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*needs pytest-asyncio: pip install pytest-asyncio*"])


def test_the_readme_has_the_table_of_magic_numbers() -> None:
    """The README's table is the one the code makes."""
    assert f"-->\n{magic_table()}\n<!--" in README.read_text(encoding="utf-8")


def test_magic_numbers_are_fictional_and_different() -> None:
    """Each is +1 702 555 01xx, and none stands twice."""
    numbers = [entry.number for entry in MAGIC_NUMBERS]
    assert len(set(numbers)) == len(numbers)
    assert all(number.startswith("+170255501") and len(number) == 12 for number in numbers)


def test_the_readme_names_every_kind_of_fault() -> None:
    """Each kind of fault stands in the README's table of faults."""
    text = README.read_text(encoding="utf-8")
    assert [kind for kind in midcall_simulator.FaultKind if f"`{kind}`" not in text] == []


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
