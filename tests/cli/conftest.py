"""The command line as people run it: a working folder, a simulated carrier, and `midcall` in it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from midcall.cli import main
from midcall_simulator import DEFAULT_ACCOUNT_SID, DEFAULT_AUTH_TOKEN

AGENT, CALLER = "+12025550100", "+12025550142"
NUMBERS = ("--from", AGENT, "--to", CALLER)
SETTINGS = f"""
[accounts.twilio]
account_sid = "{DEFAULT_ACCOUNT_SID}"
auth_token = "{DEFAULT_AUTH_TOKEN}"
base_url = "CARRIER"

[tools.send_sms]
sms_content = {{ type = "predefined", text = "Hi {{{{name}}}}, here is your link: https://example.com/b" }}

[tools.write_sms]
sms_content = {{ type = "inferred", prompt = "Confirm the appointment" }}
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its output, read; whatever else is printed to standard output makes this fail."""
        return json.loads(self.out)


def _without_traceback(ran: Ran, variables: Mapping[str, str]) -> Ran:
    if "MIDCALL_TRACEBACK" not in variables:
        assert "Traceback" not in ran.err + ran.out, ran.err
    return ran


@dataclass(slots=True)
class Shell:
    """A working folder to run `midcall` in."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def command(self, *words: str) -> list[str]:
        """The command as it is run."""
        return [sys.executable, "-m", "midcall", *words]

    def environment(self, **more: str) -> dict[str, str]:
        """This process's variables without what a developer may have set, and `more`."""
        ours = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MIDCALL_", "TWILIO_", "RETELL_", "COLUMNS", "NO_COLOR", "FORCE_COLOR"))
        }
        return ours | self.variables | more

    def __call__(self, *words: str, stdin: str | bytes | None = None, **variables: str) -> Ran:
        """Run `midcall WORDS` to its end. No traceback is ever a user's answer, so one fails any test.

        In this process where that makes no difference, since a new one takes a second; `apart` is for where it does.
        """
        content = stdin.encode() if isinstance(stdin, str) else stdin or b""
        if (
            "PYTHONPATH" in self.variables or "serve" in words
        ):  # installed for this one alone; sets up logging
            return self.apart(*words, stdin=content, **variables)
        return _without_traceback(self._inside(words, content, variables), variables)

    def apart(self, *words: str, stdin: bytes = b"", **variables: str) -> Ran:
        """The same in a process of its own."""
        done = subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env=self.environment(**variables),
            input=stdin,
            capture_output=True,
            timeout=60,
            check=False,
        )
        ran = Ran(done.returncode, done.stdout.decode(), done.stderr.decode())
        return _without_traceback(ran, variables)

    def _inside(self, words: tuple[str, ...], stdin: bytes, variables: Mapping[str, str]) -> Ran:
        def stream(content: bytes = b"") -> io.TextIOWrapper:
            return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", write_through=True)

        out, err, code = stream(), stream(), 0
        with pytest.MonkeyPatch.context() as patch:
            # Not the width of the terminal of whoever looks on, which is seen from here under `pytest -s`.
            patch.setattr(os, "environ", {"COLUMNS": "80"} | self.environment(**variables))
            patch.chdir(self.folder)
            for name, value in (("argv", ["midcall", *words]), ("stdin", stream(stdin)), ("stdout", out)):
                patch.setattr(sys, name, value)
            patch.setattr(sys, "stderr", err)
            try:
                main()
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 1
        texts = [
            each.buffer.getvalue().decode() for each in (out, err) if isinstance(each.buffer, io.BytesIO)
        ]
        return Ran(code, *texts)

    def write(self, text: str, name: str = "midcall.toml") -> Path:
        """A file in the folder."""
        file = self.folder / name
        file.write_text(text, encoding="utf-8")
        return file


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """An empty working folder."""
    folder = tmp_path / "work"
    folder.mkdir()
    return Shell(folder)


@dataclass(frozen=True, slots=True)
class Carrier:
    """The simulated carrier, in a process of its own."""

    url: str

    def posts(self) -> int:
        """How many texts it was asked to send."""
        with urllib.request.urlopen(f"{self.url}/_sim/requests", timeout=10) as answer:  # noqa: S310 - our own, on loopback
            return int(json.load(answer)["count"])


@pytest.fixture(scope="session")
def simulator() -> Iterator[str]:
    """One simulated carrier for all tests."""
    command = [sys.executable, "-m", "midcall_simulator", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield str(json.loads(process.stdout.readline())["url"])
        finally:
            process.terminate()


@pytest.fixture
def carrier(simulator: str) -> Carrier:
    """The simulated carrier, with nothing sent yet."""
    reset = urllib.request.Request(f"{simulator}/_sim/reset", method="POST")  # noqa: S310 - our own, on loopback
    urllib.request.urlopen(reset, timeout=10).close()  # noqa: S310 - our own, on loopback
    return Carrier(simulator)


@pytest.fixture
def ready(shell: Shell, carrier: Carrier) -> Shell:
    """A working folder with settings that can send."""
    shell.write(SETTINGS.replace("CARRIER", carrier.url))
    return shell


Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, shell: Shell) -> Install:
    """Makes distributions as pip would leave them behind, in a folder on the path of `shell`."""
    packages = tmp_path / "packages"
    packages.mkdir()
    shell.variables["PYTHONPATH"] = str(packages)

    def put(
        name: str, *, plugins: Mapping[str, str], source: str = "", requires: str = "midcall>=0.1,<0.2"
    ) -> Path:
        module = name.replace("-", "_")
        info = packages / f"{module}-1.0.dist-info"
        info.mkdir()
        points = "".join(f"{plugin} = {value}\n" for plugin, value in plugins.items())
        (info / "entry_points.txt").write_text(f"[midcall]\n{points}", encoding="utf-8")
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: {requires}\n",
            encoding="utf-8",
        )
        (packages / f"{module}.py").write_text(source, encoding="utf-8")
        return packages

    return put
