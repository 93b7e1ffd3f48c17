"""The real server, as it is deployed: `midcall serve` in a process of its own."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from pathlib import Path

from midcall_simulator.demo.waiting import DemoFailed

READY_WITHIN_S = 40.0
STOPPED_WITHIN_S = 25.0
"""More than the 20 s in which the server ends what it is doing."""

_READY = re.compile(r"midcall is ready on (http://\S+)")
_LONGEST_LINE = 1024 * 1024

# What must not reach the server from the environment the demo is started in: settings and credentials of real accounts,
# and proxies, through which even a request to this machine could leave it.
_NOT_PASSED_ON = re.compile(r"(MIDCALL|TWILIO|RETELL|TELNYX|VONAGE)_.*|(HTTPS?|ALL|NO)_PROXY", re.IGNORECASE)


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """The environment of the server: the demo's own, without settings, credentials and proxies, and with two plugins only."""
    kept = {name: value for name, value in given.items() if _NOT_PASSED_ON.fullmatch(name) is None}
    return kept | {"MIDCALL_PLUGINS": "retell,twilio", "PYTHONUTF8": "1"}


class ServerProcess:
    """One `midcall serve` at a time, on a free port of 127.0.0.1, always with the same settings file and so the same ledger."""

    def __init__(self, settings: Path, *, log: list[str]) -> None:
        """`log` is given every line that any of its processes writes to standard error."""
        self._settings = settings
        self._log = log
        self._process: Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._url: asyncio.Future[str] | None = None

    @property
    def pid(self) -> int | None:
        """The process that runs now, if one does."""
        return None if self._process is None else self._process.pid

    async def start(self) -> tuple[str, float]:
        """Start it; answers its address and the seconds it took. Raises `DemoFailed` when it does not become ready."""
        began = time.monotonic()
        # A session of its own: Ctrl-C reaches the demo alone, which then stops the server itself.
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "midcall", "serve", "--config", str(self._settings), "--port", "0"),
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=PIPE,
            limit=_LONGEST_LINE,
            cwd=self._settings.parent,
            env=environment(os.environ),
            start_new_session=True,
        )
        self._url = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read(self._process, self._url))
        try:
            url = await asyncio.wait_for(asyncio.shield(self._url), READY_WITHIN_S)
        except TimeoutError:
            raise DemoFailed(
                f"waited {READY_WITHIN_S:g} s for `midcall serve` to be ready, in vain"
            ) from None
        if not url:
            code = await self._process.wait()
            raise DemoFailed(f"`midcall serve` ended with exit code {code} before it was ready")
        return url, time.monotonic() - began

    async def kill(self) -> int:
        """End it as a crash does (SIGKILL: it can neither see nor delay it). Answers the process id it had."""
        process = self._running()
        process.kill()
        await self._ended(process)
        return process.pid

    async def stop(self) -> int:
        """Ask it to end (SIGTERM) and wait until it has. Answers its exit code; raises `DemoFailed` if it had to be killed."""
        process = self._running()
        process.terminate()
        try:
            return await asyncio.wait_for(self._ended(process), STOPPED_WITHIN_S)
        except TimeoutError:
            raise DemoFailed(
                f"`midcall serve` did not stop within {STOPPED_WITHIN_S:g} s of SIGTERM"
            ) from None

    async def aclose(self) -> None:
        """Whatever happened, leave no process behind."""
        process = self._process
        if process is not None:
            if process.returncode is None:
                process.kill()
            await self._ended(process)

    def _running(self) -> Process:
        if self._process is None:
            raise DemoFailed("`midcall serve` is not running")
        return self._process

    async def _ended(self, process: Process) -> int:
        code = await process.wait()
        if self._reading is not None:
            await self._reading
        self._process = None
        return code

    async def _read(self, process: Process, url: asyncio.Future[str]) -> None:
        """Keep what it writes, and find its address in it; an empty one when it ends without having said it."""
        assert process.stderr is not None
        async for line in process.stderr:
            words = line.decode("utf-8", "replace").rstrip()
            self._log.append(words)
            if (found := _READY.search(words)) and not url.done():
                url.set_result(found[1])
        if not url.done():
            url.set_result("")
