from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midcall import MessageState
from midcall.ledger import states

STATES = list(MessageState)
NEWS = [state for state in STATES if state not in (MessageState.WAITING, MessageState.SENDING)]


def test_every_state_has_a_rank_and_a_row() -> None:
    """A state that is added to the contract must be given a place here."""
    assert set(states.RANK) == set(STATES) == set(states.TABLE)


@pytest.mark.parametrize("current", STATES)
@pytest.mark.parametrize("news", STATES)
def test_no_move_goes_back(current: MessageState, news: MessageState) -> None:
    """Whatever is told, the state that follows has a higher rank than the one before."""
    after = states.landing(current, news)
    assert after is None or states.RANK[after] > states.RANK[current]


def test_only_delivered_follows_an_end() -> None:
    """The first end told stands, except that a proof of delivery is believed."""
    for end in states.ENDS:
        follow = {news for news in STATES if states.landing(end, news)}
        assert follow == (set() if end is MessageState.DELIVERED else {MessageState.DELIVERED})


def test_a_rejection_of_an_accepted_text_is_undelivered() -> None:
    """What the carrier took it cannot say it never took."""
    for current in (MessageState.ACCEPTED, MessageState.SENT):
        assert states.landing(current, MessageState.REJECTED) is MessageState.UNDELIVERED
        assert not states.may_move(current, MessageState.REJECTED)


def test_unknown_and_parked_are_settled_by_anything_known() -> None:
    """Acceptance and all after it, a rejection with proof; and unknown may be parked, never sent again."""
    known = {"accepted", "sent", "delivered", "undelivered", "expired", "rejected"}
    assert set(states.TABLE[MessageState.PARKED]) == known
    assert set(states.TABLE[MessageState.UNKNOWN]) == known | {"parked"}


def test_only_sending_becomes_unknown() -> None:
    """Nothing that is known is ever forgotten."""
    into = [state for state in STATES if states.may_move(state, MessageState.UNKNOWN)]
    assert into == [MessageState.SENDING]


@given(st.lists(st.sampled_from(NEWS), max_size=12))
def test_delivered_wins_in_any_order(told: list[MessageState]) -> None:
    """If `delivered` is among the news, the message ends delivered, wherever in the order it came."""
    current = MessageState.SENDING
    for news in told:
        current = states.landing(current, news) or current
    assert (current is MessageState.DELIVERED) == (MessageState.DELIVERED in told)


def test_the_printed_table_says_what_the_code_does() -> None:
    """The docs' table has every state as a row, and each cell is what `landing` answers."""
    header, _, *rows = [line.strip("|").split("|") for line in states.table_as_markdown().splitlines()]
    news = [MessageState(cell.split("`")[1]) for cell in header[2:]]
    assert len(rows) == len(STATES)
    for row in rows:
        current = MessageState(row[0].strip(" `"))
        assert int(row[1]) == states.RANK[current]
        for told, cell in zip(news, row[2:], strict=True):
            after = states.landing(current, told)
            assert cell.strip(" `") == (after or "stays")
