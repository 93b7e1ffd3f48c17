"""Senders that are left alone for a while, because their carrier refused them after it had accepted a text."""

from __future__ import annotations

from datetime import datetime, timedelta

from midcall.contract.reasons import Reason
from midcall.ledger import RememberedSender

BLOCK_FOR = timedelta(hours=1)
"""How long a sender is left alone after its carrier said, too late, that it is not registered. Registration takes days; an
hour keeps a corrected number from being shut out for long."""


class BlockedSenders:
    """Senders that a carrier has refused after accepting ("poisoned"), by account and number; in memory for the turn, in the
    ledger for the next start."""

    def __init__(self) -> None:
        self._blocked: dict[tuple[str, str], tuple[Reason, str, datetime]] = {}

    def block(self, account: str, number: str, reason: Reason, detail: str, until: datetime) -> None:
        """Do not send from this number until then."""
        self._blocked[account, number] = (reason, detail, until)

    def restore(self, sender: RememberedSender) -> None:
        """A block that an earlier process has written down."""
        if sender.blocked_reason is not None and sender.blocked_until is not None:
            self.block(
                sender.account,
                sender.number,
                sender.blocked_reason,
                sender.blocked_detail,
                sender.blocked_until,
            )

    def reason(self, account: str, number: str, *, now: datetime) -> tuple[Reason, str] | None:
        """Why not to send from this number now; None when there is nothing against it."""
        blocked = self._blocked.get((account, number))
        if blocked is None:
            return None
        reason, detail, until = blocked
        if now >= until:
            del self._blocked[account, number]
            return None
        return reason, detail
