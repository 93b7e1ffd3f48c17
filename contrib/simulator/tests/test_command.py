"""The `midcall-simulator` command: it says when it is ready, stops cleanly, and fails in one line."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from midcall_simulator import DEFAULT_ACCOUNT_SID, DEFAULT_AUTH_TOKEN, Simulator
from midcall_simulator.command import main

if TYPE_CHECKING:
    from asyncio.subprocess import Process


@asynccontextmanager
async def _running(*arguments: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "midcall_simulator",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def _line(process: Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(20):
        return (await process.stdout.readline()).decode()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
async def test_it_says_where_it_is_and_stops(how: signal.Signals) -> None:
    """One line of JSON when ready, an answering server behind its URL, and exit 0 on either signal."""
    async with _running("--port", "0", "--json") as process:
        ready = json.loads(await _line(process))
        assert ready["ready"] is True
        assert ready["account_sid"] == DEFAULT_ACCOUNT_SID
        assert "+12025550100" in ready["numbers"]
        port = int(ready["url"].removeprefix("http://127.0.0.1:"))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /_sim/texts HTTP/1.0\r\n\r\n")
        assert (await reader.read()).endswith(b'{"texts": [], "count": 0}')
        writer.close()
        process.send_signal(how)
        async with asyncio.timeout(10):
            rest, errors = await process.communicate()
        assert (process.returncode, rest, errors) == (0, b"", b"")


async def test_it_can_be_set_up() -> None:
    """Account, token and numbers come from the command line; a token of one's own is not printed."""
    sid = "AC" + "a" * 32
    arguments = ["--account-sid", sid, "--auth-token", "my-own-token", "--number", "+12025550188"]
    async with _running("--port", "0", *arguments) as process:
        words = "".join([await _line(process) for _ in range(5)])
        assert sid in words
        assert "+12025550188" in words
        assert "my-own-token" not in words
    assert DEFAULT_AUTH_TOKEN not in words


async def test_a_port_in_use_is_one_line() -> None:
    """A port that is taken gives one line that says what to do, and exit 2."""
    async with Simulator() as sim, _running("--port", str(sim.port)) as process:
        async with asyncio.timeout(20):
            out, errors = await process.communicate()
        assert process.returncode == 2
        assert out == b""
        assert errors.decode().splitlines() == [
            f"midcall-simulator: port {sim.port} is in use: choose another with --port, or --port 0 for a free one"
        ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--number", "12025550100"], "write it as +12025550100"),
        (["--account-sid", "AC1"], "account SID"),
        (["--route", "https://sms.example.com"], "PUBLIC=LOOPBACK"),
        (["--route", "https://sms.example.com=http://192.0.2.7"], "not a loopback address"),
        (["--callback-delay", "-1"], "callback_delay"),
    ],
)
def test_a_wrong_argument_is_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    """What cannot be set up is said in one line, with exit 2."""
    assert main(["--port", "0", *arguments]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("midcall-simulator: ")
    assert words in line


def test_a_wrong_port_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A port is a number from 0 to 65535."""
    with pytest.raises(SystemExit) as stopped:
        main(["--port", "70000"])
    assert stopped.value.code == 2
    assert "use 0 to 65535" in capsys.readouterr().err
