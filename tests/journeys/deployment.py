"""A running Midcall, and calls to text in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from midcall import Call, Direction, Midcall, Settings

AGENT = "+12025550100"
CALLER = "+12025550142"


@asynccontextmanager
async def deployment(settings: Settings) -> AsyncIterator[Midcall]:
    """A running Midcall whose sender has been looked up, as after a call has opened."""
    async with Midcall(settings) as midcall:
        await midcall.call_opened(a_call("warming"))
        yield midcall


def a_call(name: str = "call_1", *, caller: str = CALLER, **variables: str) -> Call:
    """An inbound call of `caller` to our number."""
    return Call(
        platform="retell",
        id=name,
        direction=Direction.INBOUND,
        user_number=caller,
        agent_number=AGENT,
        variables={"name": "Ann"} | variables,
    )
