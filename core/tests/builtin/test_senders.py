"""Core's own answer to "which number may this leave from"."""

from __future__ import annotations

from typing import Any

import pytest

from midcall import Call, ContentRule, Direction, Needs, Sender
from midcall.builtin import ConfiguredNumbers, NumberRoute, Pool

AGENT, SECOND, THIRD = "+12025550100", "+12025550101", "+12025550102"


def on(number: str | None) -> Call:
    """A call on one of our numbers."""
    return Call(
        platform="voice", id="1", direction=Direction.INBOUND, user_number="+12025550142", agent_number=number
    )


def resolve(numbers: ConfiguredNumbers, number: str | None = AGENT, **needs: Any) -> list[Sender] | None:
    """The candidates, in order."""
    found = numbers.midcall_resolve_sender(on(number), Needs(**needs))
    return None if found is None else list(found)


def test_the_only_account_there_is() -> None:
    """With one account a number that is not listed belongs to it."""
    assert resolve(ConfiguredNumbers({}, ["acme"])) == [Sender(number=AGENT, account="acme")]


@pytest.mark.parametrize("accounts", [[], ["acme", "eu"]])
def test_none_or_several(accounts: list[str]) -> None:
    """Otherwise core passes the question on: the accounts themselves may know."""
    assert resolve(ConfiguredNumbers({}, accounts)) is None


def test_the_account_it_is_listed_under() -> None:
    """`[numbers]` decides between several."""
    numbers = ConfiguredNumbers({AGENT: NumberRoute(account="eu")}, ["acme", "eu"])
    assert resolve(numbers) == [Sender(number=AGENT, account="eu")]


def test_a_service_id() -> None:
    """A number may be any word a carrier uses."""
    assert resolve(ConfiguredNumbers({}, ["acme"]), "MG1") == [Sender(number="MG1", account="acme")]


def test_fallbacks_in_order() -> None:
    """The call's own number first, then as they are written; a pool stands for its numbers."""
    routes = {AGENT: NumberRoute(account=None, fallback=("pool:desk", SECOND))}
    pools = {"desk": Pool(numbers=(THIRD, "+12025550103"), content=ContentRule.TEMPLATE)}
    numbers = ConfiguredNumbers(routes, ["acme"], pools)
    assert resolve(numbers) == [
        Sender(number=AGENT, account="acme"),
        Sender(number=THIRD, account="acme", content=ContentRule.TEMPLATE),
        Sender(number="+12025550103", account="acme", content=ContentRule.TEMPLATE),
        Sender(number=SECOND, account="acme"),
    ]


def test_a_fallback_nobody_can_place_is_left_out() -> None:
    """With several accounts a fallback that is not listed has none."""
    routes = {AGENT: NumberRoute(account="eu", fallback=(SECOND, THIRD)), THIRD: NumberRoute(account="acme")}
    numbers = ConfiguredNumbers(routes, ["acme", "eu"])
    assert resolve(numbers) == [Sender(number=AGENT, account="eu"), Sender(number=THIRD, account="acme")]


def test_what_is_not_cores_to_answer() -> None:
    """No number, or a tool that asks for the platform's pool."""
    numbers = ConfiguredNumbers({}, ["acme"])
    assert resolve(numbers, None) is None
    assert resolve(numbers, pool=True) is None


def test_a_call_without_a_number_of_ours() -> None:
    """A web call is texted from the only number listed, and from none where there is a choice to make."""
    one = ConfiguredNumbers({SECOND: NumberRoute(account="eu")}, ["acme", "eu"])
    assert resolve(one, None) == [Sender(number=SECOND, account="eu")]
    two = ConfiguredNumbers(
        {SECOND: NumberRoute(account="eu"), THIRD: NumberRoute(account="eu")}, ["acme", "eu"]
    )
    assert resolve(two, None) is None


def test_a_template_only_number_stays_that_when_a_call_is_on_it() -> None:
    """The rule is the number's, not the way it was found."""
    pools = {"desk": Pool(numbers=(AGENT,), content=ContentRule.TEMPLATE)}
    (sender,) = resolve(ConfiguredNumbers({}, ["acme"], pools)) or []
    assert sender.content is ContentRule.TEMPLATE
