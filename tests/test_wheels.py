"""What users install: every distribution as a wheel, in an environment that has never seen the checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

pytestmark = [pytest.mark.wheels, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = [ROOT / "core", *sorted(folder.parent for folder in ROOT.glob("*/*/src"))]

# Run by the clean environment's own Python. The argument says whether the plugins are there too.
SMOKE = """
import importlib, pkgutil, sys
from importlib import metadata, util
from pathlib import Path

everything = sys.argv[1] == "everything"
checkout = Path(sys.argv[2])

def import_all(package, but=()):
    module = importlib.import_module(package)
    assert checkout not in Path(module.__file__).parents, module.__file__
    count = 1
    for found in pkgutil.walk_packages(module.__path__, package + "."):
        if found.name.startswith(but) or found.name.endswith(".__main__") or ".migrations" in found.name:
            continue
        importlib.import_module(found.name)
        count += 1
    return count

plugins = {entry.name: entry for entry in metadata.entry_points(group="midcall")}
if everything:
    imported = import_all("midcall")
    for entry in plugins.values():
        entry.load()
        imported += import_all(entry.module)
    assert {"twilio", "retell"} <= set(plugins), plugins
else:
    for name in ("starlette", "uvicorn", "twilio", "aiohttp", "midcall_twilio", "midcall_retell"):
        assert util.find_spec(name) is None, name + " came with core"
    assert not plugins, plugins
    imported = import_all("midcall", but=("midcall.server",))
assert imported > 10, imported
import midcall
for name in midcall.__all__:
    getattr(midcall, name)
print("imported", imported, "modules")
"""


def _uv() -> str:
    uv = shutil.which("uv")
    assert uv, "uv is needed to build and install wheels: run `nox -s wheels`"
    return uv


def _run(*command: str | Path, cwd: Path) -> str:
    """Run a command without this process's own environment variables for Python; its output is shown when it fails."""
    environment = {
        name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}
    }
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Path]:
    """Every distribution's wheel, built from its sdist, by the folder it came from."""
    built = {}
    for folder in FOLDERS:
        target = tmp_path_factory.mktemp("dist")
        _run(_uv(), "build", "--quiet", "--no-sources", "--out-dir", target, folder, cwd=target)
        (built[folder],) = target.glob("*.whl")
    return built


def _clean_environment(where: Path, *requirements: str) -> tuple[Path, Path]:
    """A new environment with these requirements: its Python, and its folder of programs."""
    _run(_uv(), "venv", "--quiet", "--python", sys.executable, where / "env", cwd=where)
    programs = where / "env" / ("Scripts" if os.name == "nt" else "bin")
    python = programs / "python"
    _run(_uv(), "pip", "install", "--quiet", "--python", python, *requirements, cwd=where)
    return python, programs


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_a_wheel_holds_the_package_and_its_papers(folder: Path, wheels: dict[Path, Path]) -> None:
    """A wheel carries typing information, the licence and a description, and none of the tests."""
    with zipfile.ZipFile(wheels[folder]) as wheel:
        names = wheel.namelist()
        (metadata_name,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        metadata = message_from_bytes(wheel.read(metadata_name))
    sources = [path for path in (folder / "src").rglob("*.py") if "__pycache__" not in path.parts]
    assert {path.relative_to(folder / "src").as_posix() for path in sources} <= set(names)
    assert any(name.endswith("/py.typed") for name in names)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert str(metadata.get_payload()).strip()
    assert [name for name in names if "tests/" in name] == []


def test_core_works_alone(wheels: dict[Path, Path], tmp_path: Path) -> None:
    """Core without extras and plugins imports whole, but for its server, and its command answers."""
    python, programs = _clean_environment(tmp_path, str(wheels[ROOT / "core"]))
    assert "imported" in _run(python, "-I", "-c", SMOKE, "core", ROOT, cwd=tmp_path)
    assert "Usage" in _run(programs / "midcall", "--help", cwd=tmp_path)


def test_everything_works_together(wheels: dict[Path, Path], tmp_path: Path) -> None:
    """All distributions installed together import whole, and every plugin is found and loads."""
    core = wheels[ROOT / "core"]
    others = [str(wheel) for folder, wheel in wheels.items() if folder != ROOT / "core"]
    python, programs = _clean_environment(tmp_path, f"midcall[server] @ {core.as_uri()}", *others)
    assert "imported" in _run(python, "-I", "-c", SMOKE, "everything", ROOT, cwd=tmp_path)
    assert "Usage" in _run(programs / "midcall", "--help", cwd=tmp_path)


LISTED = {
    "twilio": '[accounts.twilio]\naccount_sid = "AC00000000000000000000000000000001"\nauth_token = "0"\n',
    "retell": '[platforms.retell]\napi_key = "key"\n',
}


@pytest.mark.parametrize("name", LISTED)
def test_each_plugin_works_alone(name: str, wheels: dict[Path, Path], tmp_path: Path) -> None:
    """Core and one plugin, nothing else: it is found, it loads with its settings, and core's own are beside it."""
    python, programs = _clean_environment(
        tmp_path, str(wheels[ROOT / "core"]), str(wheels[ROOT / "plugins" / name])
    )
    (tmp_path / "midcall.toml").write_text(LISTED[name])
    listed = json.loads(_run(programs / "midcall", "plugins", "--json", cwd=tmp_path))
    assert {row["name"]: row["state"] for row in listed} == {
        "content": "ready",
        "numbers": "ready",
        "rules": "ready",
        name: "ready",
    }
    assert "None" in _run(
        python,
        "-I",
        "-c",
        "from importlib.util import find_spec; print(find_spec('starlette'))",
        cwd=tmp_path,
    )
