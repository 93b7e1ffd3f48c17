"""A Twilio customer's world: accounts, the numbers they own, messaging services and registrations."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from midcall_simulator.phones import is_e164, is_toll_free, mask
from midcall_simulator.twilio.signatures import SharedKey

DEFAULT_ACCOUNT_SID = "AC00000000000000000000000000000001"
DEFAULT_AUTH_TOKEN = "00000000000000000000000000000002"  # noqa: S105  # fictional, and public on purpose

_ACCOUNT_SID = re.compile(r"AC[0-9a-fA-F]{32}")
_CAMPAIGN_STATUSES = ("PENDING", "IN_PROGRESS", "VERIFIED", "FAILED", "SUSPENDED")
_TOLL_FREE_STATUSES = ("PENDING_REVIEW", "IN_REVIEW", "TWILIO_APPROVED", "TWILIO_REJECTED")


def make_sid(prefix: str, *parts: str) -> str:
    """An id of Twilio's shape that is the same every time for the same parts."""
    return prefix + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


@dataclass(slots=True, kw_only=True, eq=False)
class MessagingService:
    """A pool of numbers with one A2P campaign (or none), and its own status callback."""

    account_sid: str
    sid: str
    name: str
    campaign: str | None = "VERIFIED"
    """The campaign's status, None for no campaign."""
    status_callback: str | None = None
    numbers: list[OwnedNumber] = field(default_factory=list)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    _stuck: dict[str, OwnedNumber] = field(default_factory=dict, repr=False)

    @property
    def registered(self) -> bool:
        """Whether its campaign may text US numbers."""
        return self.campaign == "VERIFIED"

    def sender_for(self, to: str, *, mms: bool) -> OwnedNumber | None:
        """The number that texts this recipient: the one it had before, else the first that can."""
        stuck = self._stuck.get(to)
        if stuck is not None and stuck.can(mms=mms) and stuck.service is self:
            return stuck
        able = next((number for number in self.numbers if number.can(mms=mms)), None)
        if able is not None:
            self._stuck[to] = able
        return able


@dataclass(slots=True, kw_only=True, eq=False)
class OwnedNumber:
    """A number an account owns: what it can carry, and whether it is registered."""

    account_sid: str
    sid: str
    number: str
    sms: bool = True
    mms: bool = True
    voice: bool = True
    service: MessagingService | None = None
    toll_free_status: str | None = None
    """The toll-free verification's status, None for none; always None for a local number."""
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    def can(self, *, mms: bool) -> bool:
        """Whether it can carry an MMS, or an SMS."""
        return self.mms if mms else self.sms

    @property
    def toll_free(self) -> bool:
        """Whether it is a toll-free number."""
        return is_toll_free(self.number)

    @property
    def registered(self) -> bool:
        """Whether US carriers deliver its texts: a verified campaign, or an approved toll-free verification."""
        if self.toll_free:
            return self.toll_free_status == "TWILIO_APPROVED"
        return self.service is not None and self.service.registered

    def late_code(self) -> int:
        """The code of the receipt when it is not registered."""
        return 30032 if self.toll_free else 30034

    def __repr__(self) -> str:
        return f"<OwnedNumber {mask(self.number)} registered={self.registered}>"


class TwilioAccount:
    """One account: its credentials, numbers, messaging services and content templates."""

    def __init__(self, sid: str, token: str, *, shared_key: SharedKey | None = None) -> None:
        if _ACCOUNT_SID.fullmatch(sid) is None:
            raise ValueError("the account SID is not 'AC' and 32 hex digits: copy it whole")
        self.sid = sid
        self.token = token
        self.shared_key = shared_key
        self.numbers: dict[str, OwnedNumber] = {}
        self.services: dict[str, MessagingService] = {}
        self.templates: dict[str, str] = {}
        self._api_keys: dict[str, str] = {}
        self.created = datetime.now(UTC)

    def __repr__(self) -> str:
        return f"<TwilioAccount {self.sid} numbers={len(self.numbers)}>"

    def api_key(self, sid: str, secret: str) -> None:
        """Let an API key (SK...) sign in to this account as well."""
        self._api_keys[sid] = secret

    def admits(self, username: str, password: str) -> bool:
        """Whether these are this account's credentials, or those of one of its API keys."""
        secret = self.token if username == self.sid else self._api_keys.get(username)
        return secret is not None and hmac.compare_digest(secret.encode(), password.encode())

    def number(
        self,
        number: str,
        *,
        sms: bool = True,
        mms: bool = True,
        voice: bool = True,
        registered: bool = True,
        service: MessagingService | None = None,
    ) -> OwnedNumber:
        """Give the account a number, or change one it has.

        A registered local number joins `service`, or a service of the account with a verified campaign; a
        registered toll-free number is verified, an unregistered one waits for review. Raises `ValueError` for
        something that is not E.164, or for a registered local number in a service without a verified campaign.
        """
        if not is_e164(number):
            raise ValueError(f"{mask(number)!r} is not a phone number: write it as +12025550100")
        known = self.numbers.get(number)
        if known is not None and known.service is not None:
            known.service.numbers.remove(known)
        owned = OwnedNumber(
            account_sid=self.sid,
            sid=make_sid("PN", self.sid, number),
            number=number,
            sms=sms,
            mms=mms,
            voice=voice,
        )
        if owned.toll_free:
            owned.toll_free_status = "TWILIO_APPROVED" if registered else "PENDING_REVIEW"
        elif registered and service is None:
            service = next((pool for pool in self.services.values() if pool.registered), None)
            service = service or self.service("Front desk")
        elif registered and service is not None and not service.registered:
            raise ValueError(
                f"service {service.name!r} has no verified campaign: say registered=False, or give it one"
            )
        if service is not None:
            owned.service = service
            service.numbers.append(owned)
        self.numbers[number] = owned
        return owned

    def verify_toll_free(self, number: str, status: str | None) -> None:
        """Set a toll-free number's verification: TWILIO_APPROVED, PENDING_REVIEW, IN_REVIEW, TWILIO_REJECTED, None."""
        owned = self.numbers[number]
        if not owned.toll_free:
            raise ValueError(f"{mask(number)} is not toll-free: its registration is its service's campaign")
        if status is not None and status not in _TOLL_FREE_STATUSES:
            raise ValueError(f"status is {status!r}: use one of {', '.join(_TOLL_FREE_STATUSES)}, or None")
        owned.toll_free_status = status

    def service(
        self, name: str, *, campaign: str | None = "VERIFIED", status_callback: str | None = None
    ) -> MessagingService:
        """Give the account a messaging service with a campaign of this status (or with none), or change the one of that name."""
        if campaign is not None and campaign not in _CAMPAIGN_STATUSES:
            raise ValueError(f"campaign is {campaign!r}: use one of {', '.join(_CAMPAIGN_STATUSES)}, or None")
        sid = make_sid("MG", self.sid, name)
        made = self.services.get(sid)
        if made is None:
            made = self.services[sid] = MessagingService(account_sid=self.sid, sid=sid, name=name)
        made.campaign, made.status_callback = campaign, status_callback
        return made

    def template(self, body: str) -> str:
        """Give the account a content template, with `{{1}}` for variable "1". Returns its ContentSid."""
        sid = make_sid("HX", self.sid, body)
        self.templates[sid] = body
        return sid


class TwilioWorld:
    """Every account of the simulated Twilio."""

    def __init__(self) -> None:
        self.accounts: dict[str, TwilioAccount] = {}

    def account(self, sid: str, token: str, *, shared_key: SharedKey | None = None) -> TwilioAccount:
        """Add an account, or change the credentials of one that is there (its numbers stay).

        With `shared_key` its callbacks are signed with HMAC_SHA256. Raises `ValueError` for a malformed SID.
        """
        known = self.accounts.get(sid)
        if known is None:
            known = self.accounts[sid] = TwilioAccount(sid, token, shared_key=shared_key)
        else:
            known.token, known.shared_key = token, shared_key
        return known

    def sign_in(self, username: str, password: str) -> TwilioAccount | None:
        """The account these credentials belong to, or None."""
        own = self.accounts.get(username)
        candidates = [own] if own is not None else list(self.accounts.values())
        return next((account for account in candidates if account.admits(username, password)), None)


def furnish(account: TwilioAccount) -> None:
    """The world out of the box: fictional numbers, one of every kind a sender check can meet."""
    desk = account.service("Front desk")
    waiting = account.service("Waiting for approval", campaign="IN_PROGRESS")
    account.number("+12025550100", service=desk)
    account.number("+12025550101", service=desk)
    account.number("+12025550102", service=desk, mms=False)
    account.number("+12025550103", registered=False)
    account.number("+12025550104", registered=False, sms=False, mms=False)
    account.number("+12025550105", registered=False, service=waiting)
    account.number("+18005550199")
    account.number("+18885550199", registered=False)
