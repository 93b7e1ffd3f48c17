"""The statements of the hot path: built with SQLAlchemy Core, compiled once, run on the bare driver.

Building and compiling a statement costs many times what running it does. So each is compiled when this module is
imported, to SQL text and the order of its parameters, and after that SQLAlchemy is not in the way.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import bindparam as p
from sqlalchemy import case, delete, func, literal_column, select, text, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.elements import ColumnElement

from midcall.ledger.rows import ATTEMPT, EVENT, MESSAGE
from midcall.ledger.tables import (
    OPEN_STATES_SQL,
    attempts,
    charges,
    claims,
    events,
    messages,
    opt_outs,
    orphans,
)

_DIALECT = sqlite.dialect(paramstyle="qmark")


class Statement:
    """SQL text and the order of its named parameters. Call it with a connection and a value for each name."""

    __slots__ = ("order", "sql")

    def __init__(self, statement: Executable) -> None:
        compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})  # type: ignore[attr-defined]  # every Executable used here is a ClauseElement
        fixed = sorted(name for name, value in compiled.params.items() if value is not None)
        if fixed:
            raise ValueError(f"write these values as literals, so that indexes see them: {fixed}")
        self.sql: str = compiled.string
        self.order: tuple[str, ...] = tuple(compiled.positiontup or ())

    def __call__(self, connection: sqlite3.Connection, **values: Any) -> sqlite3.Cursor:
        """Run it."""
        return connection.execute(self.sql, [values[name] for name in self.order])


def _literal(value: str) -> ColumnElement[Any]:
    return literal_column(value)


_MESSAGE = [messages.c[name] for name in MESSAGE]
_m, _c, _a, _e, _o = messages.c, claims.c, attempts.c, events.c, orphans.c

# --- Claims ------------------------------------------------------------------------------------------------------------

_taking = insert(claims).values({column: p(column.name) for column in claims.columns})
_taken_over = {name: _taking.excluded[name] for name in ("message_id", "arguments_hash", "expires_at")}

TAKE_CLAIM = Statement(
    _taking.on_conflict_do_update(
        index_elements=[_c.key],
        set_=_taken_over,
        where=_c.expires_at <= p("now"),
    ).returning(_c.key)
)
"""Take a key that is free or expired. No row: somebody has it."""

# Written out, since SQLAlchemy does not tie a subquery to the table that an upsert updates.
_SETTLED = f"NOT EXISTS (SELECT 1 FROM messages WHERE messages.id = claims.message_id AND {OPEN_STATES_SQL})"  # noqa: S608 - a fixed condition of our own

TAKE_SLOT = Statement(
    _taking.on_conflict_do_update(
        index_elements=[_c.key],
        set_=_taken_over,
        where=(_c.expires_at <= p("now")) & text(_SETTLED),
    ).returning(_c.key)
)
"""Take a slot that is free or expired. A text that is on the wire, or of which nobody knows whether it left, keeps its slot
however long that takes: the same text again would be a resend. No row: somebody has it."""

REPLACE_CLAIM = Statement(
    _taking.on_conflict_do_update(
        index_elements=[_c.key],
        set_=_taken_over,
    )
)
"""Take a slot from whoever has it."""

ALIAS_CLAIM = Statement(update(claims).where(_c.key == p("alias")).values(message_id=p("of_message")))
"""Make a key that was just taken another name of a message that exists."""

CLAIMED = Statement(
    select(*_MESSAGE, _c.arguments_hash)
    .join_from(claims, messages, _m.id == _c.message_id)
    .where(_c.key == p("key"), (_c.expires_at.is_(None)) | (_c.expires_at > p("now")))
)
"""The message that a live key or slot stands for, and the hash it was taken with."""

HOLDER = Statement(
    select(*_MESSAGE, _c.arguments_hash)
    .join_from(claims, messages, _m.id == _c.message_id)
    .where(_c.key == p("key"))
)
"""The message that has a key or slot, expired or not, and the hash it was taken with."""

RELEASE_CLAIM = Statement(delete(claims).where(_c.key == p("key"), _c.message_id == p("message_id")))
"""Give a slot back, if it is still this message's."""

# --- Opt-outs and limits ------------------------------------------------------------------------------------------------

OPT_OUT_HOLDS = Statement(
    select(literal_column("1")).where(
        opt_outs.c.number == p("number"),
        opt_outs.c.scope.in_([literal_column("'*'"), p("account"), p("sender")]),
        opt_outs.c.lifted_at.is_(None),
    )
)
"""A row if the number has opted out of all texts here, of this account's, or of this sender's."""

_used = select(func.coalesce(func.sum(charges.c.used), _literal("0"))).where(
    charges.c.scope == p("scope"),
    charges.c.subject == p("subject"),
    charges.c.minute >= p("first_minute"),
)

CHARGED = Statement(_used)
"""How many texts are counted since a minute."""

CHARGE = Statement(
    insert(charges)
    .from_select(
        ["scope", "subject", "minute", "used"],
        select(p("scope"), p("subject"), p("minute"), _literal("1")).where(
            _used.scalar_subquery() < p("limit")
        ),
    )
    .on_conflict_do_update(
        index_elements=["scope", "subject", "minute"], set_={"used": charges.c.used + _literal("1")}
    )
    .returning(charges.c.used)
)
"""Count one text if that keeps within the limit. No row: the limit is reached and nothing was counted."""

REFUND = Statement(
    update(charges)
    .where(
        charges.c.scope == p("in_scope"),
        charges.c.subject == p("of_subject"),
        charges.c.minute == p("at_minute"),
        charges.c.used > _literal("0"),
    )
    .values(used=charges.c.used - _literal("1"))
)
"""Take one counted text back."""

# --- Messages -----------------------------------------------------------------------------------------------------------

INSERT_MESSAGE = Statement(insert(messages).values({column: p(column.name) for column in messages.columns}))

MESSAGE_BY_ID = Statement(select(*_MESSAGE).where(_m.id == p("message_id")))

MESSAGE_WITH_PRIVATE = Statement(select(*_MESSAGE, _m.slot, _m.charged).where(_m.id == p("message_id")))
"""A message, its slot, and what it was charged."""

MESSAGE_BY_CARRIER_ID = Statement(
    select(_m.id).where(_m.account == p("account"), _m.carrier_id == p("carrier_id")).order_by(_m.id.desc())
)

MOVE = Statement(
    update(messages)
    .where(_m.id == p("message_id"), _m.state == p("from_state"))
    .values(
        state=p("to_state"),
        reason=p("new_reason"),
        detail=p("new_detail"),
        plugin=p("new_plugin"),
        carrier_code=p("new_code"),
        carrier_id=func.coalesce(_m.carrier_id, p("new_carrier_id")),
        lease_until=_literal("NULL"),
        updated_at=p("at"),
    )
    .returning(*_MESSAGE)
)
"""The compare-and-swap behind every change of state. No row: the message is not in `from_state`."""

SET_CARRIER_ID = Statement(
    update(messages)
    .where(_m.id == p("message_id"), _m.carrier_id.is_(None))
    .values(carrier_id=p("new_carrier_id"))
)
"""Learn the carrier's id of a message that does not move."""

BEGIN_ATTEMPT = Statement(
    update(messages)
    .where(
        _m.id == p("message_id"),
        text(OPEN_STATES_SQL),
        _m.state == _literal("'sending'"),
        _m.owner == p("of_owner"),
        _m.attempts == p("attempts_before"),
    )
    .values(
        attempts=p("n"),
        account=p("new_account"),
        sender=p("new_sender"),
        text=p("new_text"),
        media=p("new_media"),
        encoding=p("new_encoding"),
        segments=p("new_segments"),
        lease_until=p("new_lease"),
        updated_at=p("at"),
    )
    .returning(_m.id)
)
"""Go on with a message that is still ours and still `sending`. No row: it is not."""

SENDING = Statement(
    select(_m.id, _m.owner, _m.lease_until)
    .where(text(OPEN_STATES_SQL), _m.state == _literal("'sending'"))
    .order_by(_m.id)
)
"""What is being sent right now, by whom, until when."""

# --- Attempts and events ------------------------------------------------------------------------------------------------

INSERT_ATTEMPT = Statement(insert(attempts).values({_a[name]: p(name) for name in ATTEMPT}))

END_ATTEMPT = Statement(
    update(attempts)
    .where(_a.message_id == p("of_message"), _a.n == p("nth"))
    .values(
        ended_at=case((_a.ended_at.is_(None), p("at")), else_=_a.ended_at),
        result=p("new_result"),
        code=p("new_code"),
        response=p("new_response"),
    )
    .returning(_a.n)
)

ATTEMPT_THROUGH = Statement(
    select(literal_column("1")).where(_a.message_id == p("message_id"), _a.account == p("account"))
)
"""A row if any attempt of the message went through the account."""

INSERT_EVENT = Statement(
    insert(events)
    .values({_e[name]: p(name) for name in (*EVENT, "dedupe")})
    .on_conflict_do_nothing()
    .returning(_e.id)
)
"""A line of a timeline. No row: the same news is there already."""

# --- Receipts that wait for their message -------------------------------------------------------------------------------

KEEP_ORPHAN = Statement(
    insert(orphans)
    .values({_o[name]: p(name) for name in ("account", "carrier_id", "dedupe", "receipt", "at")})
    .on_conflict_do_nothing()
    .returning(_o.id)
)
"""Keep a receipt whose message is not known yet. No row: it is kept already."""

TAKE_ORPHANS = Statement(
    delete(orphans)
    .where(_o.account == p("of_account"), _o.carrier_id == p("of_carrier_id"))
    .returning(_o.id, _o.receipt)
)
"""The receipts that waited for this carrier's id; they are taken out."""
