"""Everything a developer runs, each in its own environment: `nox -l` lists it, `nox -s NAME` runs it.

From a fresh checkout: `python3 -m venv .venv && .venv/bin/pip install nox uv`, then `.venv/bin/nox -s tests`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import nox

ROOT = Path(__file__).parent
PYTHONS = ["3.11", "3.12", "3.13"]
SOURCES = [str(folder) for folder in sorted(ROOT.glob("core/src")) + sorted(ROOT.glob("*/*/src"))]
EVERYTHING = ["-e", "core[server]", "-e", "plugins/twilio", "-e", "plugins/retell", "-e", "contrib/simulator"]
# Many tests wait (for a deadline, a child process, a callback), so a worker more than there are cores pays.
WORKERS = str((os.cpu_count() or 1) + 1)


def pyenv_folders() -> list[str]:
    """Where pyenv keeps the interpreters we want, newest first; pyenv's shims alone do not start them."""
    pyenv = shutil.which("pyenv")
    if not pyenv:
        return []
    root = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False).stdout.strip()
    if not root:
        return []
    newest_first = sorted(
        Path(root).glob("versions/3.*.*/bin"),
        key=lambda folder: [int(part) for part in folder.parent.name.split(".") if part.isdigit()],
        reverse=True,
    )
    return [str(folder) for folder in newest_first if any((folder / f"python{v}").exists() for v in PYTHONS)]


os.environ["PATH"] = os.pathsep.join([*pyenv_folders(), os.environ["PATH"]])

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "docs", "tests"]
# A missing interpreter is skipped with a warning, on a build machine too. Only when none of them is there it is an error:
# a run that tested nothing must not pass.
nox.options.error_on_missing_interpreters = not any(shutil.which(f"python{version}") for version in PYTHONS)


def group(name: str) -> list[str]:
    return list(nox.project.dependency_groups(nox.project.load_toml(ROOT / "pyproject.toml"), name))


@nox.session
def demo(session: nox.Session) -> None:
    """Run the demo: a call, a text, a receipt, all on this machine."""
    session.install(*EVERYTHING)
    session.run("midcall", "demo", *session.posargs)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run all tests on every Python found; arguments go to pytest."""
    session.install(*EVERYTHING, *group("test"))
    session.run("pytest", "-n", WORKERS, "--dist", "loadfile", *session.posargs)


@nox.session
@nox.parametrize("part", ["core", "plugins/twilio", "plugins/retell"])
def alone(session: nox.Session, part: str) -> None:
    """Run one distribution's tests with core and nothing else beside it: no other plugin, no server."""
    session.install("-e", "core", *([] if part == "core" else ["-e", part]), *group("test"))
    session.run("pytest", "-n", WORKERS, "--dist", "loadfile", f"{part}/tests", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting and layers."""
    session.install(*group("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports", "--no-logo", env={"PYTHONPATH": os.pathsep.join(SOURCES)})


@nox.session
def types(session: nox.Session) -> None:
    """Check types, strictly, in sources and tests."""
    session.install(*EVERYTHING, *group("types"))
    session.run("mypy", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning is an error."""
    session.install("-e", "core[server]", *group("docs"))
    session.run("sphinx-build", "-W", "--keep-going", "-q", "-b", "html", "docs", "build/docs")


@nox.session
def wheels(session: nox.Session) -> None:
    """Build every distribution, install it outside the checkout and use it there."""
    session.install(*group("wheels"))
    session.run("pytest", "-m", "wheels", "tests/test_wheels.py", *session.posargs)
