"""Every magic number does what its row in the README says, with no fault added by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from midcall_simulator import MAGIC_NUMBERS, FaultKind, MagicNumber, Simulator

if TYPE_CHECKING:
    from contrib.simulator.tests.conftest import Receiver, Wire

_ENDS = {
    FaultKind.DROP_BEFORE: "fin",
    FaultKind.DROP_AFTER: "fin",
    FaultKind.RESET_BEFORE: "rst",
    FaultKind.RESET_AFTER: "rst",
    FaultKind.HANG_BEFORE: "silence",
    FaultKind.HANG_AFTER: "silence",
}
_STATUS = {FaultKind.OPTED_OUT: 400, FaultKind.LANDLINE: 400, FaultKind.RATE_LIMITED: 429}
_TAKEN_ANYWAY = {FaultKind.DROP_AFTER, FaultKind.RESET_AFTER, FaultKind.HANG_AFTER}
_WAITS = {FaultKind.LATE_ANSWER, FaultKind.CALLBACK_LATE}


@pytest.mark.parametrize(
    "magic",
    [entry for entry in MAGIC_NUMBERS if entry.fault.kind not in _WAITS],
    ids=lambda magic: magic.number[-2:],
)
async def test_a_magic_number(sim: Simulator, wire: Wire, receiver: Receiver, magic: MagicNumber) -> None:
    """The answer (or its absence) and the state left behind are those of the number's fault."""
    fault = magic.fault
    heard = await wire.send(magic.number, patience=0.3, StatusCallback=receiver.url)
    assert heard.ended == _ENDS.get(fault.kind, "answer")
    if heard.ended == "answer":
        assert heard.status == (fault.status or _STATUS.get(fault.kind, 201))
    taken = heard.status == 201 or fault.taken or fault.kind in _TAKEN_ANYWAY
    assert len(sim.texts) == int(taken)
    await sim.settled()
    if fault.kind is FaultKind.UNREGISTERED:
        assert receiver.receipts[-1][1]["ErrorCode"] == "30034"
    elif fault.kind is FaultKind.UNDELIVERED:
        assert receiver.statuses[-1] == fault.final
    elif taken and fault.kind is not FaultKind.CALLBACK_LOST:
        assert sorted(set(receiver.statuses)) == ["delivered", "sent"]
    else:
        assert receiver.statuses == []


async def test_429_once_then_taken(sim: Simulator, wire: Wire) -> None:
    """The number that is rate limited once lets the second request through, as a careful client will try."""
    assert [(await wire.send("+17025550122")).status for _ in range(2)] == [429, 201]
    assert len(sim.texts) == 1


async def test_late_numbers_are_late(sim: Simulator, wire: Wire, receiver: Receiver) -> None:
    """The late answer comes after the receipts; the late receipts after the answer."""
    assert (await wire.send("+17025550152", patience=0.3, StatusCallback=receiver.url)).ended == "silence"
    await sim.settled()
    assert receiver.statuses == ["sent", "delivered"]
    assert (await wire.send("+17025550173", StatusCallback=receiver.url)).seconds < 1
    assert receiver.statuses == ["sent", "delivered"]
    await sim.settled()
    assert receiver.statuses == ["sent", "delivered"] * 2


async def test_magic_can_be_turned_off(wire_to: object) -> None:
    """With magic off the same numbers are ordinary phones."""
    assert callable(wire_to)
    async with Simulator(magic=False, callback_delay=0) as sim:
        wire: Wire = wire_to(sim)
        for number in ("+17025550110", "+17025550132", "+17025550140"):
            assert (await wire.send(number)).status == 201
        await sim.settled()
        assert [text.status for text in sim.texts] == ["delivered"] * 3


async def test_reset_restores_a_spent_magic_number(sim: Simulator, wire: Wire) -> None:
    """After a reset the number that is rate limited once is rate limited once more."""
    assert [(await wire.send("+17025550122")).status for _ in range(2)] == [429, 201]
    await sim.reset()
    assert (await wire.send("+17025550122")).status == 429
