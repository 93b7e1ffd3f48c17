"""The ledger's tables, defined once, for every database.

Times are seconds since 1970 in UTC, as 64-bit floats: they compare, index and subtract as numbers in every database, take
eight bytes, and keep the microseconds of a `datetime` until well after the year 2100. Structured values are JSON text.

The indexes keep each statement of the hot path at the same cost whether the ledger holds a hundred messages or a million:
the ones over messages that still move are partial, so what is finished weighs nothing.
"""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    text,
)

OPEN_STATES = ("waiting", "sending", "unknown", "parked")
"""States of which few messages are at any time, and all of which somebody looks for."""

OPEN_STATES_SQL = "state IN ('waiting', 'sending', 'unknown', 'parked')"
"""`OPEN_STATES` as the partial index spells it. A query repeats it word for word, or the index is not used."""

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_by_%(column_0_N_name)s",
        "pk": "%(table_name)s_pk",
        "fk": "%(table_name)s_%(column_0_N_name)s_fk",
        "uq": "%(table_name)s_%(column_0_N_name)s_unique",
        "ck": "%(table_name)s_%(constraint_name)s",
    }
)

calls = Table(
    "calls",
    metadata,
    Column("platform", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("direction", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("user_number", Text),
    Column("agent_number", Text),
    Column("variables", Text, nullable=False),
    Column("collected", Text, nullable=False),
    Column("defaults", Text, nullable=False),
    Column("language", Text),
    Column("began_at", Double),
    Column("ended_at", Double),
    Column("updated_at", Double, nullable=False),
)

messages = Table(
    "messages",
    metadata,
    Column("id", Text, primary_key=True),
    Column("platform", Text, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("tool", Text, nullable=False),
    Column("tool_call_id", Text),
    Column("state", Text, nullable=False),
    Column("account", Text),
    Column("carrier", Text),
    Column("sender", Text),
    Column("destination", Text),
    Column("text", Text, nullable=False),
    Column("media", Text, nullable=False),
    Column("template", Text),
    Column("encoding", Text, nullable=False),
    Column("segments", Integer, nullable=False),
    Column("reason", Text),
    Column("detail", Text, nullable=False),
    Column("plugin", Text, nullable=False),
    Column("carrier_id", Text),
    Column("carrier_code", Text),
    Column("attempts", Integer, nullable=False),
    Column("verdicts", Text, nullable=False),
    Column("validity_s", Integer),
    # What was charged, so that exactly this can be refunded: [[scope, subject, minute], ...]
    Column("charged", Text, nullable=False),
    Column("slot", Text),
    Column("owner", Text),
    Column("lease_until", Double),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
)
Index(
    "messages_open",
    messages.c.state,
    messages.c.id,
    sqlite_where=text(OPEN_STATES_SQL),
    postgresql_where=text(OPEN_STATES_SQL),
)
Index(
    "messages_by_carrier_id",
    messages.c.account,
    messages.c.carrier_id,
    sqlite_where=text("carrier_id IS NOT NULL"),
    postgresql_where=text("carrier_id IS NOT NULL"),
)
Index("messages_by_call", messages.c.call_id, messages.c.id)
Index("messages_by_destination", messages.c.destination, messages.c.id)

claims = Table(
    "claims",
    metadata,
    # A tool call's key, or "slot:" and a slot's key.
    Column("key", Text, primary_key=True),
    # No foreign key: the key is taken before its message is written, so it would have to be a deferred one, and while one of
    # those is unsettled SQLite searches all claims whenever a message is inserted.
    Column("message_id", Text, nullable=False),
    Column("arguments_hash", Text, nullable=False),
    Column("expires_at", Double),
    sqlite_with_rowid=False,
)
Index(
    "claims_by_expiry",
    claims.c.expires_at,
    sqlite_where=text("expires_at IS NOT NULL"),
    postgresql_where=text("expires_at IS NOT NULL"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("message_id", Text, ForeignKey("messages.id"), primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("sender", Text),
    Column("account", Text),
    Column("request", Text, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("result", Text),
    Column("code", Text),
    Column("response", Text, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("message_id", Text, ForeignKey("messages.id"), nullable=False),
    Column("at", Double, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("data", Text, nullable=False),
    # The account and the carrier's id of a piece of news: what is told twice is written once.
    Column("dedupe", Text),
)
Index("events_by_message", events.c.message_id, events.c.id)
Index(
    "events_by_dedupe",
    events.c.dedupe,
    unique=True,
    sqlite_where=text("dedupe IS NOT NULL"),
    postgresql_where=text("dedupe IS NOT NULL"),
)

orphans = Table(
    "orphans",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account", Text, nullable=False),
    Column("carrier_id", Text, nullable=False),
    Column("dedupe", Text, nullable=False, unique=True),
    Column("receipt", Text, nullable=False),
    Column("at", Double, nullable=False),
)
Index("orphans_by_carrier_id", orphans.c.account, orphans.c.carrier_id)
Index("orphans_by_age", orphans.c.at)

opt_outs = Table(
    "opt_outs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("number", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("lifted_at", Double),
)
Index(
    "opt_outs_that_hold",
    opt_outs.c.number,
    opt_outs.c.scope,
    unique=True,
    sqlite_where=text("lifted_at IS NULL"),
    postgresql_where=text("lifted_at IS NULL"),
)
Index("opt_outs_by_number", opt_outs.c.number, opt_outs.c.id)

charges = Table(
    "charges",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    # Minutes since 1970; 0 is the one row of a limit that counts for ever.
    Column("minute", Integer, primary_key=True, autoincrement=False),
    Column("used", Integer, nullable=False),
    CheckConstraint("used >= 0", name="not_negative"),
    sqlite_with_rowid=False,
)
Index(
    "charges_by_minute",
    charges.c.minute,
    sqlite_where=text("minute > 0"),
    postgresql_where=text("minute > 0"),
)

senders = Table(
    "senders",
    metadata,
    Column("account", Text, primary_key=True),
    Column("number", Text, primary_key=True),
    # The fields of SenderCheck; null until a carrier has been asked.
    Column("check_json", Text),
    Column("blocked_reason", Text),
    Column("blocked_detail", Text, nullable=False),
    Column("blocked_until", Double),
    Column("updated_at", Double, nullable=False),
)
