"""One account of a carrier, as a plugin that implements hooks: so a carrier's author never sees pluggy."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from midcall.contract.calls import Call
from midcall.contract.carrier import Carrier
from midcall.contract.markers import hookimpl
from midcall.contract.messages import Draft, OutboundMessage, Verdict
from midcall.contract.reasons import Reason
from midcall.contract.results import Accepted, NotProcessed, Refused, SendResult, Unknown
from midcall.contract.senders import Known, Needs, Sender, SenderCheck
from midcall.plugins.answers import PluginName
from midcall.plugins.results import normalised
from midcall.plugins.sender_checks import Lookup, SenderChecks
from midcall.plugins.wording import kind_of

_log = logging.getLogger("midcall.plugins")

Blocked = Callable[[str, str], "tuple[Reason, str] | None"]
"""`blocked(account, number)`: why a sender is not to be used for the time being, from what became of earlier texts."""

Unchecked = Literal["allow", "deny"]
"""What a lookup that failed means for a text; see `CarrierAdapter`."""


def adapter_name(carrier: str, account: str) -> PluginName:
    """The plugin name of an account: `twilio (account eu)`, or just `twilio` for the account named like its carrier."""
    return carrier if account == carrier else f"{carrier} (account {account})"


class CarrierAdapter:
    """Implements, for one account, `midcall_resolve_sender`, `midcall_check_eligibility` and `midcall_send_message`.

    `patience_s` is how long a turn waits for a lookup of its sender, a little less than a hook's deadline. `unchecked` says
    what a lookup that failed or took longer means: "allow", the default, lets the text go with that in its verdict, because
    the carrier itself refuses what it will not carry; "deny" tries the next sender. It is the key `unchecked_sender` of the
    account. A sender the carrier says is not ours, cannot send or is not registered is always denied.

    `offers_senders`: whether to offer the call's own number when the carrier says this account owns it; wanted when there are
    several accounts, since with one there is no question whose a number is.
    """

    def __init__(
        self,
        carrier: Carrier[Any],
        *,
        name: PluginName,
        offers_senders: bool,
        patience_s: float = 0.4,
        unchecked: Unchecked = "allow",
        blocked: Blocked | None = None,
    ) -> None:
        self.carrier = carrier
        self.account = carrier.account
        self.name = name
        self._offers_senders = offers_senders
        self._patience_s = patience_s
        self._unchecked = unchecked
        self._blocked = blocked
        self._checks = SenderChecks(self._check, whose=name)

    async def prime(self, number: str) -> None:
        """Look `number` up before a turn needs it (a call has opened). A failure is logged, and is no one's problem yet."""
        await self._checks.look_up(number)

    async def aclose(self) -> None:
        """Stop looking numbers up. The carrier is closed by the host."""
        await self._checks.aclose()

    @hookimpl
    def midcall_resolve_sender(self, call: Call, needs: Needs) -> Awaitable[tuple[Sender, ...] | None] | None:
        """The number the call is on, if the carrier says this account owns it."""
        number = call.agent_number
        if not self._offers_senders or needs.pool or number is None or not number.startswith("+"):
            return None
        return self._offer(number)

    async def _offer(self, number: str) -> tuple[Sender, ...] | None:
        lookup = await self._checks.look_up(number, patience_s=self._patience_s)
        if lookup.check is None or lookup.check.owned is not Known.YES:
            return None
        return (Sender(number=number, account=self.account),)

    @hookimpl
    def midcall_check_eligibility(self, draft: Draft) -> Verdict | Awaitable[Verdict] | None:
        """Whether the sender can and may carry the draft: what is declared first, then what the carrier knows of it."""
        sender = draft.sender
        if sender.account != self.account:
            return None
        blocked = self._blocked(self.account, sender.number) if self._blocked is not None else None
        if blocked is not None:
            reason, detail = blocked
            return Verdict.deny(reason, detail, of_sender=True)
        if (denial := self._not_carried(draft)) is not None:
            return denial
        remembered = self._checks.remembered(sender.number)
        return self._verdict(remembered, draft) if remembered is not None else self._verdict_in_time(draft)

    def _not_carried(self, draft: Draft) -> Verdict | None:
        """Why the carrier cannot carry such a text at all. Another carrier may, so the next sender is tried."""
        can, content, carrier = self.carrier.capabilities, draft.content, self.carrier.name
        if not content.media and not can.sms:
            return Verdict.deny(Reason.SENDER_NOT_CAPABLE, f"{carrier} carries no SMS", of_sender=True)
        if content.media and not can.mms:
            return Verdict.deny(Reason.MEDIA_NOT_SUPPORTED, f"{carrier} carries no media", of_sender=True)
        if len(content.media) > can.max_media:
            detail = f"{len(content.media)} media; {carrier} takes {can.max_media}"
            return Verdict.deny(Reason.MEDIA_NOT_SUPPORTED, detail, of_sender=True)
        if len(content.text) > can.max_characters:
            detail = f"{len(content.text)} characters; {carrier} takes {can.max_characters}"
            return Verdict.deny(Reason.CONTENT_TOO_LONG, detail, of_sender=True)
        return None

    async def _verdict_in_time(self, draft: Draft) -> Verdict:
        return self._verdict(
            await self._checks.look_up(draft.sender.number, patience_s=self._patience_s), draft
        )

    def _verdict(self, lookup: Lookup, draft: Draft) -> Verdict:
        check = lookup.check
        if check is None:
            detail = f"the sender could not be checked: {lookup.problem}"
            if self._unchecked == "allow":
                return Verdict.allow(detail)
            reason = Reason.PLUGIN_TIMED_OUT if lookup.late else Reason.PLUGIN_FAILED
            return Verdict.deny(reason, detail, of_sender=True)
        for known, reason, words in (
            (check.owned, Reason.SENDER_NOT_OWNED, "the number is not this account's"),
            (check.sms, Reason.SENDER_NOT_CAPABLE, "the number cannot send texts"),
            (check.registered, Reason.SENDER_NOT_REGISTERED, "the number is not registered for texting"),
        ):
            if known is Known.NO:
                return Verdict.deny(check.reason or reason, check.detail or words, of_sender=True)
        if draft.content.media and check.mms is Known.NO:
            words = check.detail or "the number cannot send media"
            return Verdict.deny(Reason.MEDIA_NOT_SUPPORTED, words, of_sender=True)
        return Verdict.allow(_unknowns(check, media=bool(draft.content.media)))

    async def _check(self, number: str) -> SenderCheck:
        if not self.carrier.capabilities.check_sender:
            return SenderCheck(good_for_s=float("inf"))
        return await self.carrier.check_sender(number)

    @hookimpl
    async def midcall_send_message(self, message: OutboundMessage) -> SendResult | None:
        """Hand the text to the carrier, once. What it raises says nothing of whether the text has left: `Unknown`.

        The result has the types it promises, so that the ledger can keep it.
        """
        if message.account != self.account:
            return None
        try:
            result: object = await self.carrier.send(message)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a carrier's SDK raises anything
            # The words of an SDK's error may hold the request, and with it credentials: the ledger gets the class alone.
            _log.error("%s raised from send of message %s: %s", self.name, message.id, kind_of(error))
            return Unknown(detail=f"{self.name} raised {type(error).__name__}")
        if not isinstance(result, Accepted | NotProcessed | Refused | Unknown):
            _log.error("%s answered %s from send of message %s", self.name, type(result).__name__, message.id)
            return Unknown(
                detail=f"{self.name} answered {type(result).__name__}, which is none of the four results"
            )
        return normalised(result)


def _unknowns(check: SenderCheck, *, media: bool) -> str:
    """What the carrier did not say, in words for the ledger."""
    facts = {"whose it is": check.owned, "SMS": check.sms, "registration": check.registered}
    if media:
        facts["MMS"] = check.mms
    unknown = [name for name, known in facts.items() if known is Known.UNKNOWN]
    return f"not known of the sender: {', '.join(unknown)}" if unknown else ""
