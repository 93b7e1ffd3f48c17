"""The README's code runs, and its tables are those of the code."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from midcall_simulator import FaultKind, Simulator
from midcall_simulator.magic import magic_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from contrib.simulator.tests.conftest import Wire

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def _run(code: str, **names: Any) -> dict[str, Any]:
    exec(compile(code, "README.md", "exec"), names)  # noqa: S102  # the README's own code is what is tested
    return names


async def test_pointing_the_sdk(sim: Simulator) -> None:
    """The first block sends a text through the real SDK."""
    assert "9001" in BLOCKS[0]
    names = await asyncio.to_thread(_run, BLOCKS[0].replace("http://127.0.0.1:9001", sim.url))
    assert [text.sid for text in sim.texts] == [names["text"].sid]
    names["client"].http_client.session.close()


async def test_a_fault_in_a_test(wire_to: Callable[[Simulator], Wire]) -> None:
    """The second block is a test that passes when the code under test sends once, and fails when it sends twice."""
    times = 1

    async def send(*, base_url: str) -> None:
        simulator = Simulator()
        simulator._port = int(base_url.rpartition(":")[2])
        for _ in range(times):
            await wire_to(simulator).send("+12025550142")

    test = _run(BLOCKS[1], send_with_my_code=send)["test_a_dropped_connection_is_not_sent_twice"]
    await test()
    times = 2
    try:
        await test()
    except AssertionError:
        return
    raise AssertionError("the README's test did not notice a second send")


async def test_changing_the_world(sim: Simulator, wire: Wire) -> None:
    """The third block changes the world, and the changes hold."""
    _run(BLOCKS[2], sim=sim)
    assert "+12025550110" in sim.account.numbers
    assert (await wire.send("+12025550142")).json["code"] == 21610
    assert (await wire.send("+12025550143")).json["code"] == 21614


def test_the_side_of_retell() -> None:
    """The last block makes a signed tool call."""
    names = _run(BLOCKS[3])
    assert names["body"].startswith(b'{"name":"send_sms"')
    assert names["headers"]["X-Retell-Signature"].startswith("v=")
    assert len(BLOCKS) == 4


def test_the_table_of_magic_numbers() -> None:
    """The table of magic numbers is the one the code makes."""
    assert f"-->\n{magic_table()}\n<!--" in README


def test_every_kind_of_fault_is_described() -> None:
    """Each kind of fault stands in the README."""
    assert [kind for kind in FaultKind if f"`{kind}`" not in README] == []


async def test_the_world_out_of_the_box(sim: Simulator) -> None:
    """The table of numbers names every number there is, and no other."""
    table = README.partition("## The world out of the box")[2].partition("Everything can be changed")[0]
    assert set(re.findall(r"\+1\d{10}", table)) == set(sim.account.numbers)
