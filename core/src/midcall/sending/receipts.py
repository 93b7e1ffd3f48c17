"""Carrier callbacks: verified, applied to the message they are about, and remembered where they say something lasting."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from midcall.contract.carrier import Carrier
from midcall.contract.messages import Message, MessageEvent
from midcall.contract.reasons import Reason
from midcall.contract.webhooks import Receipt, WebhookRequest
from midcall.ledger import Applied, Ledger
from midcall.sending.blocked_senders import BLOCK_FOR, BlockedSenders

log = logging.getLogger("midcall.receipts")


class Receipts:
    """Takes status callbacks for every account."""

    def __init__(self, ledger: Ledger, carriers: Mapping[str, Carrier[Any]], blocked: BlockedSenders) -> None:
        self._ledger = ledger
        self._carriers = carriers
        self._blocked = blocked

    async def take(self, account: str, request: WebhookRequest) -> tuple[Applied, ...]:
        """Verify and apply one callback. Raises `BadSignature`, `Unreadable`, `LedgerError`; nothing is then recorded, and
        the carrier's own repeat of the callback finds the ledger as it was."""
        receipts = self._carriers[account].parse_status(request)
        return tuple([await self._apply(account, receipt) for receipt in receipts])

    async def _apply(self, account: str, receipt: Receipt) -> Applied:
        applied = await self._ledger.apply_receipt(account, receipt)
        message = applied.message
        if message is None:
            log.info("a receipt for account %s is about no known message; it is kept", account)
            return applied
        # A callback told twice is learnt from twice: the first time the ledger may have failed after the receipt was applied.
        if receipt.of_sender:
            await self._block(
                await self._as_attempted(message, receipt), receipt.reason, receipt.detail, receipt.code
            )
        if receipt.reason is Reason.OPTED_OUT:
            await self._opt_out(message, receipt.code)
        return applied

    async def _as_attempted(self, message: Message, receipt: Receipt) -> Message:
        """The message with the sender of the attempt that the receipt is about: a later one may have had another."""
        if receipt.attempt is None or receipt.attempt == message.attempts:
            return message
        for attempt in await self._ledger.attempts(message.id):
            if attempt.n == receipt.attempt:
                return replace(message, account=attempt.account, sender=attempt.sender)
        return message

    async def learn(self, message: Message, event: MessageEvent) -> None:
        """Likewise from a receipt that was kept until the carrier's answer told whose it is. Raises `LedgerError`."""
        if event.kind != "receipt":
            return
        reason = next((each for each in Reason if each == event.data.get("reason")), None)
        if event.data.get("of_sender"):
            await self._block(message, reason, event.data.get("detail", ""), event.data.get("code"))
        if reason is Reason.OPTED_OUT:
            await self._opt_out(message, event.data.get("code"))

    async def _opt_out(self, message: Message, code: str | None) -> None:
        if message.destination is not None:
            evidence = f"receipt {code or ''}".strip()
            await self._ledger.opt_out(
                message.destination, source=f"carrier:{message.account}", evidence=evidence
            )

    async def _block(self, message: Message, reason: Reason | None, detail: str, code: str | None) -> None:
        if message.account is None or message.sender is None:
            return
        reason = reason or Reason.SENDER_NOT_REGISTERED
        detail = f"{detail or reason.meaning} (carrier code {code})"
        until = datetime.now(UTC) + BLOCK_FOR
        self._blocked.block(message.account, message.sender, reason, detail, until)
        await self._ledger.block_sender(
            message.account, message.sender, reason=reason, detail=detail, until=until
        )
