"""What the simulator remembers, over HTTP and in Python, and what forgetting means."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from midcall_simulator import Fault, FaultKind, Simulator
from midcall_simulator.memory import Memory, Text

if TYPE_CHECKING:
    from contrib.simulator.tests.conftest import Receiver, Wire

CALLER = "+12025550142"


async def test_texts_over_http(sim: Simulator, wire: Wire) -> None:
    """The texts over HTTP are those in memory; `to` narrows them and `limit` keeps the newest."""
    await wire.send(CALLER)
    await wire.send("+12025550143")
    await wire.send(CALLER, MediaUrl="https://example.com/a.png")
    await sim.settled()
    everything = (await wire.ask("GET", "/_sim/texts")).json
    assert everything["count"] == 3
    assert [text["sid"] for text in everything["texts"]] == [text.sid for text in sim.texts]
    narrowed = (await wire.ask("GET", "/_sim/texts?to=%2B12025550142&limit=1")).json
    assert narrowed["count"] == 2
    [text] = narrowed["texts"]
    assert (text["from"], text["to"], text["body"], text["status"]) == (
        "+12025550100",
        CALLER,
        "hello",
        "delivered",
    )
    assert text["media"] == ["https://example.com/a.png"]
    assert text["history"] == ["queued", "sent", "delivered"]
    assert (await wire.ask("GET", "/_sim/texts?limit=0")).json == {"texts": [], "count": 3}
    assert (await wire.ask("GET", "/_sim/texts?limit=few")).status == 400


async def test_requests_over_http(sim: Simulator, wire: Wire) -> None:
    """Every POST is there with its outcome, refused ones too, and no credentials."""
    await wire.send(CALLER)
    await wire.send("nobody")
    shown = (await wire.ask("GET", "/_sim/requests")).json["requests"]
    assert [request["outcome"] for request in shown] == ["accepted", "refused 21211"]
    assert shown[0]["sid"] == sim.texts[0].sid
    assert "Body=hello" in shown[0]["body"]
    assert sim.account.token not in json.dumps(shown)


async def test_looking_in_is_not_remembered(sim: Simulator, wire: Wire) -> None:
    """The inspection's own requests are no carrier's requests."""
    for path in ("/_sim/texts", "/_sim/requests", "/_sim/callbacks", "/_sim/faults"):
        assert (await wire.ask("GET", path)).status == 200
    await wire.ask("POST", "/_sim/reset")
    assert (list(sim.requests), list(sim.lookups)) == ([], [])


async def test_faults_over_http(sim: Simulator, wire: Wire) -> None:
    """A fault posted as JSON strikes; a wrong one is refused in words and changes nothing."""
    body = json.dumps({"kind": "status", "status": 503, "to": CALLER, "times": 2}).encode()
    created = await wire.ask("POST", "/_sim/faults", body=body, content_type="application/json")
    assert (created.status, created.json) == (
        201,
        {"kind": "status", "to": CALLER, "times": 2, "status": 503},
    )
    assert (await wire.send(CALLER)).status == 503
    assert (await wire.ask("GET", "/_sim/faults")).json["faults"][0]["struck"] == 1
    for wrong in (b"{", b"[]", b'{"kind":"explode"}', b'{"kind":"status"}'):
        heard = await wire.ask("POST", "/_sim/faults", body=wrong, content_type="application/json")
        assert heard.status == 400
        assert heard.json["error"]
    assert len(list(sim.faults)) == 1


async def test_callbacks_over_http(sim: Simulator, wire: Wire, receiver: Receiver) -> None:
    """Every receipt is shown with what became of it."""
    await wire.send(CALLER, StatusCallback=receiver.url)
    await sim.settled()
    shown = (await wire.ask("GET", "/_sim/callbacks")).json["callbacks"]
    assert [(record["status"], record["result"]) for record in shown] == [
        ("sent", "answered"),
        ("delivered", "answered"),
    ]


async def test_reset_forgets_all_but_the_world(sim: Simulator, wire: Wire, receiver: Receiver) -> None:
    """After a reset nothing is remembered and no receipt is under way; accounts and numbers stay."""
    sim.faults.add(Fault(kind=FaultKind.CALLBACK_LATE, seconds=30))
    sim.phones.opt_out("+12025550143")
    await wire.send(CALLER, StatusCallback=receiver.url)
    await wire.ask("POST", "/_sim/reset")
    assert ([*sim.texts], [*sim.requests], [*sim.callbacks], [*sim.faults]) == ([], [], [], [])
    await sim.settled(within=1)
    assert receiver.receipts == []
    assert sim.texts_to(CALLER) == []
    assert (await wire.send("+12025550143")).status == 201
    assert len(sim.account.numbers) == 8


async def test_the_memory_outlives_the_server(wire: Wire, sim: Simulator) -> None:
    """Texts and requests can be read after the simulator has stopped."""
    await wire.send(CALLER)
    await sim.aclose()
    assert (len(sim.texts), len(sim.requests)) == (1, 1)


async def test_it_cannot_be_started_twice(sim: Simulator) -> None:
    """A simulator has one life; before it, there is no URL."""
    with pytest.raises(RuntimeError, match="make a new one"):
        await sim.start()
    with pytest.raises(RuntimeError, match="not started"):
        _ = Simulator().url


async def test_a_port_in_use_is_an_error(sim: Simulator) -> None:
    """A second simulator on the same port does not start, and leaves nothing open."""
    with pytest.raises(OSError, match="in use"):
        async with Simulator(port=sim.port):
            pytest.fail("two servers on one port")


async def test_only_this_machine_is_served(sim: Simulator) -> None:
    """The server listens on 127.0.0.1, and its URL says so."""
    assert sim.url == f"http://127.0.0.1:{sim.port}"


def _taking(memory: Memory, count: int) -> float:
    began = time.process_time()
    for index in range(count):
        memory.take(
            Text(
                carrier="t",
                sid=f"{id(memory)}-{len(memory.texts)}-{index}",
                account="a",
                to=CALLER,
                from_="f",
                body="",
            )
        )
    return time.process_time() - began


def test_taking_a_text_costs_the_same_at_any_size() -> None:
    """The hundred-thousandth text is not much dearer to take than the first thousand."""
    memory = Memory()
    first = min(_taking(memory, 1000) for _ in range(10))
    _taking(memory, 80_000)
    last = min(_taking(memory, 1000) for _ in range(10))
    assert last < first * 10  # a walk through all texts would make it about ninety times as dear


def test_a_search_uses_the_shortest_index() -> None:
    """Looking for one recipient among many texts walks that recipient's texts only."""
    memory = Memory()
    for index in range(1000):
        memory.take(
            Text(carrier="t", sid=str(index), account="a", to=f"+1202555{index:04}", from_="f", body="")
        )
    assert len(memory.find(account="a", to="+12025550142", from_="f")) == 1
    assert len(memory.find(account="a", to="+12029999999")) == 0
    assert len(memory.find(account="b")) == 0
