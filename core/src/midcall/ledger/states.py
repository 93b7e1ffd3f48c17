"""Which news may move a message from which state: one table, read by every change of state and printed in the docs.

The rules behind it:

- A message only ever moves to a higher rank, so late and doubled callbacks never move it back, in whatever order they come.
- `rejected`, `undelivered` and `expired` are ends: the first one told stands. Only `delivered` follows them. A handset's
  confirmation proves that the text arrived, whatever was believed before; carriers do correct themselves.
- News less than proof about a text we hold as `rejected` (`accepted`, `sent`) does not move it, because the agent has been
  told "certainly not sent" and a corrected text may have followed. It is recorded as a warning, and so is every `delivered`
  that follows an end.
- A carrier's receipt may say `rejected` about a text it had accepted. It took it and did not deliver it: that is `undelivered`,
  with the carrier's reason.
- `unknown` and `parked` are settled by anything that is known: further news, or a proof that nothing was sent (`rejected`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from midcall.contract.messages import MessageState

_S = MessageState

RANK: Mapping[MessageState, int] = MappingProxyType(
    {
        _S.WAITING: 0,
        _S.SENDING: 1,
        _S.UNKNOWN: 2,
        _S.PARKED: 3,
        _S.ACCEPTED: 4,
        _S.SENT: 5,
        _S.REJECTED: 6,
        _S.UNDELIVERED: 6,
        _S.EXPIRED: 6,
        _S.DELIVERED: 7,
    }
)
"""How much is known of a message in that state. No move goes to the same or a lower rank."""

_CARRIER_HAS_IT = {state: state for state in (_S.SENT, _S.DELIVERED, _S.UNDELIVERED, _S.EXPIRED)}
_ANYTHING = _CARRIER_HAS_IT | {_S.ACCEPTED: _S.ACCEPTED, _S.REJECTED: _S.REJECTED}

TABLE: Mapping[MessageState, Mapping[MessageState, MessageState]] = MappingProxyType(
    {
        _S.WAITING: {_S.SENDING: _S.SENDING, _S.REJECTED: _S.REJECTED, _S.EXPIRED: _S.EXPIRED},
        _S.SENDING: _ANYTHING | {_S.UNKNOWN: _S.UNKNOWN},
        _S.UNKNOWN: _ANYTHING | {_S.PARKED: _S.PARKED},
        _S.PARKED: _ANYTHING,
        _S.ACCEPTED: _CARRIER_HAS_IT | {_S.REJECTED: _S.UNDELIVERED},
        _S.SENT: {
            _S.DELIVERED: _S.DELIVERED,
            _S.UNDELIVERED: _S.UNDELIVERED,
            _S.EXPIRED: _S.EXPIRED,
            _S.REJECTED: _S.UNDELIVERED,
        },
        _S.REJECTED: {_S.DELIVERED: _S.DELIVERED},
        _S.UNDELIVERED: {_S.DELIVERED: _S.DELIVERED},
        _S.EXPIRED: {_S.DELIVERED: _S.DELIVERED},
        _S.DELIVERED: {},
    }
)
"""`TABLE[current][news]` is the state that follows; where there is no entry, the news moves nothing."""

ENDS = frozenset({_S.REJECTED, _S.UNDELIVERED, _S.EXPIRED, _S.DELIVERED})
"""States in which nothing more is expected."""

FAILED = frozenset({_S.REJECTED, _S.UNDELIVERED, _S.EXPIRED})
"""Ends of a text that did not arrive; entering one releases the message's slot."""

ARRIVING = frozenset({_S.ACCEPTED, _S.SENT, _S.DELIVERED})
"""News that the carrier has the text, or more."""


def landing(current: MessageState, news: MessageState) -> MessageState | None:
    """The state that a message in `current` is in after `news`; None when the news moves nothing."""
    return TABLE[current].get(news)


def may_move(current: MessageState, to: MessageState) -> bool:
    """Whether a message may go from `current` to `to`."""
    return TABLE[current].get(to) is to


def contradicts(current: MessageState, news: MessageState) -> bool:
    """Whether `news` says that a text is on its way or arrived which we hold as failed: worth a warning."""
    if current is MessageState.REJECTED:
        return news in ARRIVING
    return current in FAILED and news is MessageState.DELIVERED


def table_as_markdown() -> str:
    """The table for the docs: a row for each state, a column for each piece of news."""
    news = [state for state in MessageState if any(state in row for row in TABLE.values())]
    lines = [
        "| a message in | rank | " + " | ".join(f"told `{state}`" for state in news) + " |",
        "|---|---|" + "---|" * len(news),
    ]
    for state in MessageState:
        cells = [f"`{after}`" if (after := landing(state, told)) else "stays" for told in news]
        lines.append(f"| `{state}` | {RANK[state]} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
