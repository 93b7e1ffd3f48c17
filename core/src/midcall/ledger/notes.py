"""What the ledger remembers beside messages: calls, opt-outs, and what is known of our numbers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from midcall.contract.calls import Call
from midcall.contract.reasons import Reason
from midcall.contract.senders import SenderCheck
from midcall.ledger import queries
from midcall.ledger.moving import Done
from midcall.ledger.records import ImportCounts, OptOut
from midcall.ledger.rows import check_to_json, maybe_seconds, maybe_time, to_json

# Calls


def save_call(connection: sqlite3.Connection, call: Call, now: float) -> Done[Call]:
    """See `Ledger.save_call`."""
    known = queries.call(connection, call.platform, call.id)
    merged = call if known is None else known.updated_by(call)
    _store_call(connection, merged, now)
    return Done(merged)


def end_call(
    connection: sqlite3.Connection, platform: str, call_id: str, at: datetime, now: float
) -> Done[Call | None]:
    """See `Ledger.end_call`."""
    known = queries.call(connection, platform, call_id)
    if known is None:
        return Done(None)
    ended = known if known.ended_at is not None else replace(known, ended_at=at)
    _store_call(connection, ended, now)
    return Done(ended)


def _store_call(connection: sqlite3.Connection, call: Call, now: float) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO calls (platform, id, direction, kind, user_number, agent_number, variables, collected,"
        " defaults, language, began_at, ended_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            call.platform,
            call.id,
            call.direction.value,
            call.kind.value,
            call.user_number,
            call.agent_number,
            to_json(call.variables),
            to_json(call.collected),
            to_json(call.defaults),
            call.language,
            maybe_seconds(call.began_at),
            maybe_seconds(call.ended_at),
            now,
        ),
    )


# Opt-outs


def opt_out(connection: sqlite3.Connection, new: OptOut) -> Done[OptOut]:
    """See `Ledger.opt_out`."""
    _add_opt_out(connection, new)
    holding = queries.opted_out(connection, new.number, (new.scope,))
    assert holding is not None
    return Done(holding)


def lift_opt_out(connection: sqlite3.Connection, number: str, scope: str, now: float) -> Done[bool]:
    """See `Ledger.lift_opt_out`."""
    lifted = connection.execute(
        "UPDATE opt_outs SET lifted_at = ? WHERE number = ? AND scope = ? AND lifted_at IS NULL",
        (now, number, scope),
    ).rowcount
    return Done(lifted > 0)


def import_opt_outs(connection: sqlite3.Connection, opt_outs: Iterable[OptOut]) -> Done[ImportCounts]:
    """See `Ledger.import_opt_outs`."""
    added = already = 0
    for new in opt_outs:
        if _add_opt_out(connection, new):
            added += 1
        else:
            already += 1
    return Done(ImportCounts(added=added, already=already))


def _add_opt_out(connection: sqlite3.Connection, new: OptOut) -> bool:
    """Whether it is new; false if one of that number and scope holds already."""
    return (
        connection.execute(
            "INSERT INTO opt_outs (number, scope, source, evidence, at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            (new.number, new.scope, new.source, new.evidence, new.at.timestamp()),
        ).rowcount
        > 0
    )


# Senders


def remember_sender(
    connection: sqlite3.Connection, account: str, number: str, check: SenderCheck, now: float
) -> Done[None]:
    """See `Ledger.remember_sender`."""
    if check.checked_at is None:
        check = replace(check, checked_at=maybe_time(now))
    connection.execute(
        "INSERT INTO senders (account, number, check_json, blocked_detail, updated_at) VALUES (?, ?, ?, '', ?)"
        " ON CONFLICT (account, number) DO UPDATE SET check_json = excluded.check_json, updated_at = excluded.updated_at",
        (account, number, check_to_json(check), now),
    )
    return Done(None)


def block_sender(
    connection: sqlite3.Connection,
    account: str,
    number: str,
    *,
    reason: Reason,
    detail: str,
    until: datetime | None,
    now: float,
) -> Done[None]:
    """See `Ledger.block_sender`."""
    connection.execute(
        "INSERT INTO senders (account, number, blocked_reason, blocked_detail, blocked_until, updated_at)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (account, number) DO UPDATE SET"
        " blocked_reason = excluded.blocked_reason, blocked_detail = excluded.blocked_detail,"
        " blocked_until = excluded.blocked_until, updated_at = excluded.updated_at",
        (account, number, reason.value, detail, maybe_seconds(until), now),
    )
    return Done(None)
