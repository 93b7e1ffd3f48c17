"""A demo in a process of its own, as a user starts it, with a folder for temporary files that can be looked into."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

COMMAND = (sys.executable, "-m", "midcall", "demo")

# What a developer may well have set. With any of it the server would speak to somebody else, or refuse to start.
HOSTILE = {
    "MIDCALL_ACCOUNTS__TWILIO__BASE_URL": "http://192.0.2.1:9",
    "MIDCALL_DISABLE": "twilio",
    "MIDCALL_SERVER__TOKEN": "another",
    "TWILIO_AUTH_TOKEN": "another",
    "RETELL_API_KEY": "another",
    "HTTP_PROXY": "http://192.0.2.1:9",
    "http_proxy": "http://192.0.2.1:9",
}


@dataclass(frozen=True)
class Played:
    """A demo that has ended."""

    code: int
    out: str
    err: str
    left_behind: list[str]
    """What is in the temporary folder after it."""


class StartDemo(Protocol):
    """Starts a demo with these options, whose temporary files go into that folder."""

    def __call__(self, temporary: Path, *options: str) -> subprocess.Popen[str]: ...


def demo_environment(temporary: Path) -> Mapping[str, str]:
    """The environment of a demo whose temporary files go there, among variables that must not matter."""
    return {**os.environ, **HOSTILE, "TMPDIR": str(temporary), "PYTHONUTF8": "1", "COLUMNS": "100"}


def run_demo(temporary: Path, *options: str) -> Played:
    """`midcall demo` with these options, to its end."""
    done = subprocess.run(
        [*COMMAND, *options],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=55,
        check=False,
        env=demo_environment(temporary),
    )
    return Played(done.returncode, done.stdout, done.stderr, [path.name for path in temporary.iterdir()])


# A background job of a shell starts with SIGINT ignored, and Python then ignores it too; a terminal's Ctrl-C is not ignored.
_LISTENING = (
    "import runpy, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    f"sys.argv = {['midcall', *COMMAND[3:]]!r}; sys.argv += OPTIONS; runpy.run_module('midcall', run_name='__main__', alter_sys=True)"
)


@pytest.fixture
def start_demo() -> Iterator[StartDemo]:
    """Starts demos, and ends those that are still running after the test."""
    started: list[subprocess.Popen[str]] = []

    def start(temporary: Path, *options: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", _LISTENING.replace("OPTIONS", repr(list(options)))],
            env=demo_environment(temporary),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def as_json(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """`midcall demo --fast --json`."""
    return run_demo(tmp_path_factory.mktemp("json"), "--fast", "--json")


@pytest.fixture(scope="module")
def as_text(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """`midcall demo --fast`, into a pipe."""
    return run_demo(tmp_path_factory.mktemp("text"), "--fast")
