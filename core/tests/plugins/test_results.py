"""A carrier's result that cannot be stored as it is: what it says of the text survives."""

from __future__ import annotations

import json
import uuid
from typing import Any, ClassVar

import pytest

from midcall import (
    Accepted,
    Capabilities,
    Carrier,
    CarrierSettings,
    NotProcessed,
    OutboundMessage,
    Reason,
    Refused,
    Scope,
    SendResult,
    Unknown,
)
from midcall.plugins import CarrierAdapter

LONE = "\ud83d"


class Odd(Carrier[CarrierSettings]):
    """A carrier that answers what the test says."""

    name: ClassVar[str] = "odd"
    capabilities: ClassVar[Capabilities] = Capabilities()

    def __init__(self, result: Any) -> None:
        super().__init__("odd", CarrierSettings())
        self.result = result

    async def send(self, message: OutboundMessage) -> SendResult:
        return self.result  # type: ignore[no-any-return] # odd results are what the tests are about


class Wordless:
    def __str__(self) -> str:
        raise ValueError("no words")


async def sent(result: Any) -> SendResult | None:
    """What the adapter makes of a carrier's result."""
    message = OutboundMessage(
        id="0193", attempt=1, account="odd", sender="+12025550100", destination="+12025550142", text="Hi"
    )
    adapter = CarrierAdapter(Odd(result), name="odd", offers_senders=False)
    return await adapter.midcall_send_message(message)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (uuid.UUID(int=5), str(uuid.UUID(int=5))),
        (12345, "12345"),
        (b"SM1", "SM1"),
        ("SM" + LONE, "SM�"),
        (" SM1", " SM1"),
    ],
)
async def test_an_acceptance_keeps_its_id_as_text(given: Any, kept: str) -> None:
    """Whatever the carrier's SDK has for an id."""
    assert await sent(Accepted(given)) == Accepted(kept)


@pytest.mark.parametrize("given", [None, "", "  ", b"", False])
async def test_an_acceptance_without_an_id_is_in_doubt(given: Any) -> None:
    """No receipt could ever find it; it is not repeated either."""
    assert isinstance(await sent(Accepted(given)), Unknown)


def circular() -> dict[str, Any]:
    """A mapping that holds itself."""
    raw: dict[str, Any] = {"a": 1}
    raw["self"] = raw
    return raw


def deep() -> dict[str, Any]:
    """A mapping nested deeper than Python's JSON goes."""
    raw: dict[str, Any] = {}
    for _ in range(5_000):
        raw = {"in": raw}
    return raw


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ({("a", 1): 2}, {"('a', 1)": 2}),
        ({"a": b"abc", "b": (1, None, True, 0.5)}, {"a": "<3 bytes>", "b": [1, None, True, 0.5]}),
        (circular(), {"a": 1, "self": "…"}),
        ({"a": LONE, LONE: "b"}, {"a": "�", "�": "b"}),
        ({"a": Wordless()}, {"a": "<Wordless>"}),
        ({"a": 10**5_000}, {"a": "<an integer of 16610 bits>"}),
        (["a"], {"value": ["a"]}),
        (None, {}),
    ],
)
async def test_a_payload_becomes_plain_json(raw: Any, kept: Any) -> None:
    """And the acceptance it came with stays one."""
    assert await sent(Accepted("SM1", raw=raw)) == Accepted("SM1", raw=kept)


async def test_a_payload_is_cut_where_it_is_too_deep_or_too_long() -> None:
    """It can be written as JSON and read again, and its size has a bound."""
    for raw in (deep(), {"a": list(range(1_000_000))}):
        result = await sent(Accepted("SM1", raw=raw))
        assert isinstance(result, Accepted)
        assert json.loads(json.dumps(result.raw)) == result.raw
        assert len(json.dumps(result.raw)) < 100_000


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (
            Refused("weird", Scope.SENDER),  # type: ignore[arg-type] # what the test is about
            Refused(Reason.CARRIER_REFUSED, Scope.SENDER, detail="weird"),
        ),
        (
            Refused("weird", "there", detail="bad"),  # type: ignore[arg-type] # likewise
            Refused(Reason.CARRIER_REFUSED, Scope.ACCOUNT, detail="weird: bad"),
        ),
        (
            Refused("opted_out", "destination"),  # type: ignore[arg-type] # likewise
            Refused(Reason.OPTED_OUT, Scope.DESTINATION),
        ),
        (
            Refused([], None, detail=None, code=30003),  # type: ignore[arg-type] # likewise
            Refused(Reason.CARRIER_REFUSED, Scope.ACCOUNT, detail="[]", code="30003"),
        ),
        (Unknown(detail="bad " + LONE, code=LONE), Unknown(detail="bad �", code="�")),
        (Unknown(detail=ValueError("+12025550142")), Unknown(detail="ValueError")),  # type: ignore[arg-type] # likewise
        (NotProcessed(detail=Wordless()), NotProcessed(detail="<Wordless>")),  # type: ignore[arg-type] # likewise
    ],
)
async def test_reason_scope_detail_and_code_are_what_they_should_be(given: Any, kept: SendResult) -> None:
    """A refusal stays a refusal; a reason that is none of ours is told in the detail."""
    assert await sent(given) == kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("5", 5.0),
        (3, 3.0),
        (0, 0.0),
        (-5, None),
        (float("nan"), None),
        (float("inf"), 31_536_000.0),
        (10**400, 31_536_000.0),
        ([], None),
        (None, None),
    ],
)
async def test_retry_after_is_a_number_of_seconds_or_nothing(given: Any, kept: float | None) -> None:
    """Never one that cannot be waited for."""
    assert await sent(NotProcessed(retry_after=given)) == NotProcessed(retry_after=kept)
