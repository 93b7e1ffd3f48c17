"""`midcall serve` as a process of its own, and what it writes to its standard error."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from midcall_simulator import DEFAULT_ACCOUNT_SID, DEFAULT_AUTH_TOKEN
from tests.server.deployment import KEY, PUBLIC, TEXT, TOKEN

READY = "midcall is ready on "


def write_settings(folder: Path, *, carrier: str, more: str = "") -> Path:
    """`midcall.toml` of an ordinary deployment."""
    file = folder / "midcall.toml"
    file.write_text(
        f"""
[server]
public_url = "{PUBLIC}"
token = "{TOKEN}"

[platforms.retell]
api_key = "{KEY}"

[accounts.twilio]
account_sid = "{DEFAULT_ACCOUNT_SID}"
auth_token = "{DEFAULT_AUTH_TOKEN}"
base_url = "{carrier}"

[tools.send_sms]
sms_content = {{ type = "predefined", text = "{TEXT}" }}
{more}
""",
        encoding="utf-8",
    )
    return file


def environment(**more: str) -> dict[str, str]:
    """This process's, without what a developer may have set."""
    taken = {
        name: value for name, value in os.environ.items() if not name.startswith(("MIDCALL_", "TWILIO_"))
    }
    return taken | more


@dataclass(slots=True)
class Process:
    """A running `midcall serve`."""

    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list)
    url: str = ""

    async def until(self, words: str, *, within_s: float = 20.0) -> str:
        """The next line with these words. Fails with all that was written when it ends or takes longer."""
        assert self.process.stderr is not None
        try:
            async with asyncio.timeout(within_s):
                while line := (await self.process.stderr.readline()).decode("utf-8", "replace").rstrip("\n"):
                    self.lines.append(line)
                    if words in line:
                        return line
        except TimeoutError:
            pass
        raise AssertionError(f"no line with {words!r} in:\n" + "\n".join(self.lines))

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    async def ended(self, *, within_s: float = 30.0) -> int:
        """Its exit code, once it has ended by itself; the rest of what it wrote is in `lines`."""
        assert self.process.stderr is not None
        async with asyncio.timeout(within_s):
            rest = (await self.process.stderr.read()).decode("utf-8", "replace")
            self.lines += rest.splitlines()
            return await self.process.wait()

    @property
    def log(self) -> str:
        """All that was written so far."""
        return "\n".join(self.lines)


@asynccontextmanager
async def serve(
    folder: Path,
    *options: str,
    environ: Mapping[str, str] | None = None,
    ready: bool = True,
    command: Sequence[str] = (sys.executable, "-m", "midcall"),
) -> AsyncIterator[Process]:
    """`midcall serve OPTIONS` in `folder`, on a free port, stopped afterwards if it still runs. `ready`: wait until it is."""
    port = () if any(option.startswith("--port") for option in options) else ("--port", "0")
    process = await asyncio.create_subprocess_exec(
        *command,
        "serve",
        *port,
        *options,
        cwd=folder,
        env=dict(environ) if environ is not None else environment(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    running = Process(process)
    try:
        if ready:
            running.url = (await running.until(READY)).partition(READY)[2]
        yield running
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        # Read to its end, so that the pipe is closed before the event loop is.
        if process.stderr is not None:
            await process.stderr.read()
