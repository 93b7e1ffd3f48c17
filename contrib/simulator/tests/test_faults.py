"""Each fault, heard by a raw socket: what the client sees, and exactly the state that is left."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from midcall_simulator import Asked, Fault, FaultKind, Simulator

if TYPE_CHECKING:
    from contrib.simulator.tests.conftest import Wire

K = FaultKind
CALLER = "+12025550142"


async def _until(condition: Callable[[], bool]) -> None:
    """Wait for something another task does; the test's own time limit bounds it."""
    while not condition():  # there is no event: the memory is looked at from outside
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("fault", "status", "code", "taken"),
    [
        (Fault(kind=K.REFUSE, code=21408), 400, 21408, 0),
        (Fault(kind=K.REFUSE, code=20003, status=401), 401, 20003, 0),
        (Fault(kind=K.OPTED_OUT), 400, 21610, 0),
        (Fault(kind=K.LANDLINE), 400, 21614, 0),
        (Fault(kind=K.RATE_LIMITED), 429, 20429, 0),
        (Fault(kind=K.STATUS, status=500), 500, 20500, 0),
        (Fault(kind=K.STATUS, status=500, taken=True), 500, 20500, 1),
        (Fault(kind=K.STATUS, status=503), 503, 20503, 0),
        (Fault(kind=K.STATUS, status=408), 408, 20408, 0),
        (Fault(kind=K.STATUS, status=409, taken=True), 409, 20409, 1),
        (Fault(kind=K.STATUS, status=418), 418, 20001, 0),
        (Fault(kind=K.STATUS, status=502, code=20502), 502, 20502, 0),
    ],
    ids=str,
)
async def test_an_error_answer(  # pytest passes by name
    sim: Simulator, wire: Wire, fault: Fault, status: int, code: int, taken: int
) -> None:
    """The client sees the status and code; the text is taken only where the fault says so."""
    sim.faults.add(fault)
    heard = await wire.send()
    assert (heard.ended, heard.status, heard.json["code"]) == ("answer", status, code)
    assert len(sim.texts) == taken
    assert [request.outcome for request in sim.requests] == [f"fault {fault.kind}"]


async def test_retry_after_is_sent_when_asked_for(sim: Simulator, wire: Wire) -> None:
    """Retry-After is there only when the fault has it."""
    sim.faults.add(Fault(kind=K.RATE_LIMITED, times=1, retry_after=2))
    sim.faults.add(Fault(kind=K.STATUS, status=503, times=1, retry_after=0.5))
    sim.faults.add(Fault(kind=K.RATE_LIMITED, times=1))
    heard = [await wire.send() for _ in range(3)]
    assert [answer.headers.get("retry-after") for answer in heard] == ["2", "0.5", None]


@pytest.mark.parametrize(
    ("kind", "ended", "taken"),
    [
        (K.DROP_BEFORE, "fin", 0),
        (K.DROP_AFTER, "fin", 1),
        (K.RESET_BEFORE, "rst", 0),
        (K.RESET_AFTER, "rst", 1),
    ],
)
async def test_a_connection_that_ends(
    sim: Simulator, wire: Wire, kind: FaultKind, ended: str, taken: int
) -> None:
    """No byte of an answer: FIN or RST, before or after the text was taken; the POST is remembered either way."""
    sim.faults.add(Fault(kind=kind, to=CALLER, times=1))
    heard = await wire.send(CALLER)
    assert (heard.ended, heard.body) == (ended, b"")
    assert len(sim.texts) == taken
    assert [request.outcome for request in sim.requests] == [f"fault {kind}"]
    await sim.settled()
    assert [text.status for text in sim.texts] == ["delivered"] * taken
    assert (await wire.send(CALLER)).status == 201


@pytest.mark.parametrize(("kind", "taken"), [(K.HANG_BEFORE, 0), (K.HANG_AFTER, 1)])
async def test_a_connection_that_hangs(sim: Simulator, wire: Wire, kind: FaultKind, taken: int) -> None:
    """Not a byte for as long as the fault says, then a FIN."""
    sim.faults.add(Fault(kind=kind, seconds=0.3))
    heard = await wire.send()
    assert heard.ended == "fin"
    assert 0.3 <= heard.seconds < 2
    assert len(sim.texts) == taken


async def test_a_client_that_gives_up_ends_the_hang(sim: Simulator, wire: Wire) -> None:
    """A hanging request costs nothing once its client is gone, and the text taken before it is still there."""
    sim.faults.add(Fault(kind=K.HANG_AFTER, seconds=60))
    assert (await wire.send(patience=0.1)).ended == "silence"
    began = time.monotonic()
    await sim.aclose()
    assert time.monotonic() - began < 2
    assert len(sim.texts) == 1


async def test_stopping_ends_every_hang(sim: Simulator, wire: Wire) -> None:
    """The simulator stops at once, whatever it is holding."""
    sim.faults.add(Fault(kind=K.HANG_BEFORE, seconds=60))
    hanging = [asyncio.create_task(wire.send()) for _ in range(5)]
    await _until(lambda: len(sim.requests) == 5)
    began = time.monotonic()
    await sim.aclose()
    assert {(await heard).ended for heard in hanging} == {"fin"}
    assert time.monotonic() - began < 2


async def test_a_late_answer_holds_up_nobody_else(sim: Simulator, wire: Wire) -> None:
    """The text is taken at once and goes on; only its answer waits, and only on its own connection."""
    sim.faults.add(Fault(kind=K.LATE_ANSWER, to=CALLER, seconds=0.5))
    late = asyncio.create_task(wire.send(CALLER))
    await _until(lambda: len(sim.texts) == 1)
    assert (await wire.send("+12025550143")).seconds < 0.4
    await sim.settled()
    assert sim.texts_to(CALLER)[0].status == "delivered"
    assert not late.done()
    heard = await late
    assert heard.status == 201
    assert heard.seconds >= 0.5
    assert heard.json["status"] == "queued"


async def test_an_unreadable_answer(sim: Simulator, wire: Wire) -> None:
    """201 with half of the JSON: whole as HTTP, broken as JSON, and the text was taken."""
    sim.faults.add(Fault(kind=K.UNREADABLE))
    heard = await wire.send()
    assert (heard.ended, heard.status) == ("answer", 201)
    assert heard.body.startswith(b"{")
    with pytest.raises(ValueError, match=r"delimiter|Unterminated|value"):
        _ = heard.json
    assert len(sim.texts) == 1


async def test_one_shot_and_counted(sim: Simulator, wire: Wire) -> None:
    """A fault with `times` strikes that often and is gone; the armed fault counts."""
    armed = sim.faults.add(Fault(kind=K.STATUS, status=503, times=2))
    assert [(await wire.send()).status for _ in range(3)] == [503, 503, 201]
    assert (armed.struck, armed.spent, list(sim.faults)) == (2, True, [])


async def test_a_fault_can_be_taken_out(sim: Simulator, wire: Wire) -> None:
    """Removed, a fault strikes no more; removing it twice is no error."""
    armed = sim.faults.add(Fault(kind=K.STATUS, status=503, to=CALLER))
    sim.faults.remove(armed)
    sim.faults.remove(armed)
    assert (await wire.send(CALLER)).status == 201


async def test_a_fault_strikes_whom_it_names(sim: Simulator, wire: Wire) -> None:
    """By recipient, by sender, by rule; and the one that names the recipient goes first."""
    sim.faults.add(Fault(kind=K.STATUS, status=500))
    sim.faults.add(Fault(kind=K.STATUS, status=503, to=CALLER))
    assert (await wire.send(CALLER)).status == 503
    assert (await wire.send("+12025550143")).status == 500
    sim.faults.clear()
    sim.faults.add(Fault(kind=K.STATUS, status=503, from_="+12025550101"))
    assert (await wire.send(CALLER)).status == 201
    sim.faults.clear()
    seen: list[Asked] = []

    def shouting(asked: Asked) -> bool:
        seen.append(asked)
        return asked.body.isupper()

    sim.faults.add(Fault(kind=K.REFUSE, code=30007, when=shouting))
    assert (await wire.send(CALLER)).status == 201
    assert (await wire.post([("To", CALLER), ("From", "+12025550100"), ("Body", "BUY")])).json[
        "code"
    ] == 30007
    assert (seen[0].carrier, seen[0].on, seen[0].to, seen[0].from_) == (
        "twilio",
        "send",
        CALLER,
        "+12025550100",
    )


async def test_a_refused_request_uses_no_fault_up(sim: Simulator, wire: Wire) -> None:
    """A fault strikes only what would have been accepted: a broken form meets the form's own refusal."""
    armed = sim.faults.add(Fault(kind=K.DROP_AFTER, times=1))
    assert (await wire.send(CALLER, Nonsense="1")).json["code"] == 20001
    assert armed.struck == 0
    assert (await wire.send(CALLER)).ended == "fin"


@pytest.mark.parametrize(
    ("fault", "ended", "status"),
    [
        (Fault(kind=K.STATUS, status=503, on="lookup"), "answer", 503),
        (Fault(kind=K.RATE_LIMITED, on="lookup"), "answer", 429),
        (Fault(kind=K.DROP_BEFORE, on="lookup"), "fin", 0),
        (Fault(kind=K.RESET_BEFORE, on="lookup"), "rst", 0),
        (Fault(kind=K.HANG_BEFORE, on="lookup", seconds=0.1), "fin", 0),
    ],
    ids=str,
)
async def test_a_lookup_can_fail_too(
    sim: Simulator, wire: Wire, fault: Fault, ended: str, status: int
) -> None:
    """A fault on lookups strikes reading requests and no text."""
    sim.faults.add(fault)
    heard = await wire.ask("GET", "/v1/Services")
    assert (heard.ended, heard.status) == (ended, status)
    assert (await wire.send()).status == 201
    assert [request.outcome for request in sim.lookups] == [f"fault {fault.kind}"]


async def test_keep_alive_survives_an_error_answer(sim: Simulator) -> None:
    """An error answer leaves the connection usable: only the faults of the connection end it."""
    from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]  # no py.typed

    http = TwilioHttpClient(timeout=5)
    auth = (sim.account.sid, sim.account.token)
    url = f"{sim.url}/2010-04-01/Accounts/{sim.account.sid}/Messages.json"
    sim.faults.add(Fault(kind=K.STATUS, status=503, times=1))
    form: dict[str, object] = {"To": CALLER, "From": "+12025550100", "Body": "x"}

    def post() -> int:
        return int(http.request("POST", url, data=form, auth=auth).status_code)

    assert [await asyncio.to_thread(post) for _ in range(2)] == [503, 201]
    assert http.session is not None
    http.session.close()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "explode"}, "explode"),
        ({"kind": K.REFUSE}, "needs code"),
        ({"kind": K.STATUS}, "needs status"),
        ({"kind": K.STATUS, "status": 99}, "200 to 599"),
        ({"kind": K.DROP_AFTER, "status": 500}, "status goes with"),
        ({"kind": K.DROP_AFTER, "code": 1}, "no meaning"),
        ({"kind": K.DROP_AFTER, "times": 0}, "1 or more"),
        ({"kind": K.HANG_AFTER, "seconds": 61}, "0 to 60"),
        ({"kind": K.DROP_AFTER, "seconds": 1}, "seconds goes with"),
        ({"kind": K.DROP_AFTER, "taken": True}, "taken goes with"),
        ({"kind": K.DROP_AFTER, "retry_after": 1}, "retry_after goes with"),
        ({"kind": K.DROP_AFTER, "on": "read"}, "'send' or 'lookup'"),
        ({"kind": K.UNREGISTERED, "on": "lookup"}, "strikes texts"),
        ({"kind": K.UNDELIVERED, "final": "lost"}, "'undelivered' or 'failed'"),
        ({"kind": K.CALLBACK_LATE, "only": "sent"}, "only goes with"),
    ],
)
def test_a_fault_without_meaning_is_refused(fields: dict[str, Any], words: str) -> None:
    """A combination that could never do anything is an error that names the field."""
    with pytest.raises(ValueError, match=words):
        Fault(**fields)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "kind is missing"),
        ({"kind": "status", "status": "503"}, "status has the wrong type"),
        ({"kind": "status", "status": True}, "status has the wrong type"),
        ({"kind": "status", "status": 503, "taken": 1}, "taken has the wrong type"),
        ({"kind": "drop_after", "when": "always"}, "unknown field 'when'"),
        ({"kind": "drop_after", "from_number": "x"}, "unknown field 'from_number'"),
    ],
)
def test_a_fault_in_json_is_checked(given: dict[str, object], words: str) -> None:
    """JSON with an unknown field or a wrong type is refused by name."""
    with pytest.raises(ValueError, match=words):
        Fault.from_json(given)


def test_a_fault_survives_json() -> None:
    """What `as_json` shows, `from_json` reads back as the same fault."""
    fault = Fault(
        kind=K.STATUS, status=503, to=CALLER, from_="+12025550100", times=2, taken=True, retry_after=1.5
    )
    assert Fault.from_json(fault.as_json()) == fault
    assert fault.as_json()["from"] == "+12025550100"
