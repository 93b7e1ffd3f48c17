"""Run by test_crash.py as a process of its own: sends one text and kills itself, hard, at a named step of the journey."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from midcall import Call, Direction, Midcall, load_settings
from midcall.ledger import Ledger
from midcall.sending import ClaimWriter
from midcall_twilio import Twilio

Method = Callable[..., Awaitable[Any]]


def die() -> None:
    """As `kill -9` does it: nothing of this process runs after this line."""
    os.kill(os.getpid(), signal.SIGKILL)


def dying_before(owner: type, name: str) -> None:
    """The process dies when the method is called."""

    async def instead(*_args: Any, **_kwargs: Any) -> None:
        die()

    setattr(owner, name, instead)


def dying_after(owner: type, name: str) -> None:
    """The process dies when the method has done its work."""
    method: Method = getattr(owner, name)

    async def instead(*args: Any, **kwargs: Any) -> None:
        await method(*args, **kwargs)
        die()

    setattr(owner, name, instead)


STEPS: dict[str, Callable[[], None]] = {
    "before the claim": lambda: dying_before(ClaimWriter, "claim"),
    "claimed, nothing on the wire": lambda: dying_before(Twilio, "send"),
    "waiting for the carrier": lambda: None,  # killed from outside, once the carrier has the text
    "answered, not written down": lambda: dying_before(Ledger, "record_result"),
    "written down, the agent not told": lambda: dying_after(Ledger, "record_result"),
}


async def main(step: str, overrides: dict[str, Any], call: dict[str, Any]) -> None:
    """One send; the process does not live to see its end."""
    async with Midcall(load_settings(environ={}, overrides=overrides)) as midcall:
        STEPS[step]()
        await midcall.send(
            Call(direction=Direction.INBOUND, **call), "send_sms", tool_call_id="the only tool call"
        )


if __name__ == "__main__":
    given = json.load(sys.stdin)
    asyncio.run(main(given["step"], given["overrides"], given["call"]))
