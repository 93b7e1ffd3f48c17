"""Twilio's webhooks: the signature, status callbacks, received texts."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from midcall import (
    BadSignature,
    InboundMedia,
    InboundMessage,
    MessageState,
    Reason,
    Receipt,
    Unreadable,
    WebhookRequest,
)
from midcall_twilio.codes import CODES, Becomes
from midcall_twilio.errors import as_code
from midcall_twilio.settings import TwilioSettings

log = logging.getLogger("midcall_twilio")

MAX_FIELDS = 500
"""Form fields of one webhook; Twilio sends about 30."""

STATES: Mapping[str, MessageState] = {
    "accepted": MessageState.ACCEPTED,
    "scheduled": MessageState.ACCEPTED,
    "queued": MessageState.ACCEPTED,
    "sending": MessageState.ACCEPTED,
    "sent": MessageState.SENT,
    "partially_delivered": MessageState.SENT,
    "delivered": MessageState.DELIVERED,
    "read": MessageState.DELIVERED,
    "undelivered": MessageState.UNDELIVERED,
    "failed": MessageState.UNDELIVERED,
    "canceled": MessageState.REJECTED,
}
"""Twilio's statuses of a text we sent. `failed` is undelivered too: a validity that ran out apart, Twilio uses it both for
texts that never left and for texts a network refused."""


class Form(dict[str, list[str]]):
    """A form with repeated fields, read as the SDK's validator reads Django's."""

    def getlist(self, name: str) -> list[str]:
        """Every value of a field."""
        return self.get(name, [])

    def first(self, name: str) -> str:
        """A field's value, empty when it is not there."""
        values = self.get(name)
        return values[0] if values else ""

    def flat(self) -> dict[str, str]:
        """Field to first value."""
        return {name: values[0] for name, values in self.items()}


def verified(request: WebhookRequest, config: TwilioSettings, account: str) -> Form:
    """The webhook's fields, once its signature is known to be Twilio's for this account.

    Signed are the full public URL and every field [twilio.com/docs/usage/security]. Raises `BadSignature`; `Unreadable`
    for a body that is no form.
    """
    try:
        query = _form(urlsplit(request.url).query)
    except ValueError:
        raise BadSignature(
            "the request's own address is none",
            fix="set server.public_url, which the signature is checked against",
        ) from None
    # A webhook configured as GET carries its fields in the URL, which is signed as it is.
    form = query if request.method == "GET" else _form(request.body.decode("utf-8", "replace"))
    _check_signature(request, form, config, account)
    if form.first("AccountSid") != config.account_sid:
        raise BadSignature(
            f"the webhook is of another Twilio account than account {account!r}",
            fix=f"point the webhooks of each Twilio account at its own /carriers/NAME; accounts.{account}.account_sid is "
            "the account this one expects",
        )
    return form


def _form(encoded: str) -> Form:
    form = Form()
    try:
        pairs = parse_qsl(encoded, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise Unreadable(f"the webhook has more than {MAX_FIELDS} fields") from None
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    return form


def _check_signature(request: WebhookRequest, form: Form, config: TwilioSettings, account: str) -> None:
    from twilio.request_validator import (  # type: ignore[import-untyped]  # no py.typed
        HMAC_SHA1,
        HMAC_SHA256,
        RequestValidator,
        get_signature_algorithm,
    )

    signature = request.headers.get("x-twilio-signature", "")
    if not signature:
        raise BadSignature(
            "the request has no X-Twilio-Signature header",
            fix="only Twilio calls this address; a proxy in front must pass the header on",
        )
    settings = request.headers.get("x-twilio-webhooks-signature-settings", "")
    algorithm = get_signature_algorithm(settings).upper()
    if algorithm == HMAC_SHA1:
        secret = config.auth_token
    elif algorithm == HMAC_SHA256:
        key = _setting(settings, "key")
        known = config.shared_keys.get(key)
        if known is None:
            raise BadSignature(
                f"the webhook is signed with shared key {key[:80]!r}, which is not configured",
                fix=f"put the key's secret into accounts.{account}.shared_keys under that id",
            )
        secret = known
    else:
        raise BadSignature(
            f"the webhook is signed with {algorithm[:40]!r}, which this version cannot verify",
            fix="upgrade the twilio package, or let Twilio sign with the auth token",
        )
    validator = RequestValidator(secret.get_secret_value())
    signed: Form = Form() if request.method == "GET" else form
    try:
        fits = validator.validate(request.url, signed, signature, algorithm)
    except ValueError:  # an address that is none, such as one with the port "abc": nobody signed that
        fits = False
    if not fits:
        raise BadSignature(
            "the signature does not fit the request",
            fix="server.public_url must be the address Twilio calls, scheme and host as in its console, and "
            f"accounts.{account}.auth_token the account's own primary token",
        )


def _setting(header: str, name: str) -> str:
    for part in header.split(","):
        key, _, value = part.partition("=")
        if key.strip() == name:
            return value.strip()
    return ""


def read_status(form: Form, request: WebhookRequest) -> tuple[Receipt, ...]:
    """A status callback as a receipt; none for a status that says nothing of a sent text. Raises `Unreadable`."""
    sid = form.first("MessageSid") or form.first("SmsSid")
    status = form.first("MessageStatus") or form.first("SmsStatus")
    if not sid or not status:
        raise Unreadable(
            "the status callback has no MessageSid or no MessageStatus",
            fix="give this address, which ends in /status, to status callbacks alone; received texts have none in this version",
        )
    state = STATES.get(status)
    if state is None:
        log.warning("Twilio's status %.40r is not one of a sent text; the callback is ignored", status)
        return ()
    code = as_code(form.first("ErrorCode"))
    entry = CODES.get(code) if code is not None else None
    failed = state in {MessageState.UNDELIVERED, MessageState.REJECTED}
    if failed and entry is not None and entry.reason is Reason.EXPIRED:
        state = MessageState.EXPIRED
    elif failed and entry is not None and entry.becomes is Becomes.UNKNOWN:
        # Twilio calls it undelivered, and says that it may have been delivered: passed on is all that is known.
        state, failed = MessageState.SENT, False
    query = _form(urlsplit(request.url).query)
    attempt = query.first("a")
    return (
        Receipt(
            state=state,
            carrier_id=sid,
            message_id=query.first("m") or None,
            attempt=int(attempt) if attempt.isdecimal() and len(attempt) < 6 else None,
            reason=_reason(status, code) if failed else None,
            detail=_detail(status, code) if failed else "",
            code=str(code) if code is not None else None,
            of_sender=failed and entry is not None and entry.of_sender,
            at=request.received_at,
            event_id=f"{sid}:{status}:{code or ''}",
            raw=form.flat(),
        ),
    )


def _reason(status: str, code: int | None) -> Reason:
    if code is not None and code in CODES:
        return CODES[code].reason
    return Reason.CARRIER_REFUSED if status == "canceled" else Reason.UNDELIVERED


def _detail(status: str, code: int | None) -> str:
    if code is None:
        return (
            "the text was cancelled at Twilio"
            if status == "canceled"
            else f"Twilio says {status}, and not why"
        )
    entry = CODES.get(code)
    return entry.meaning if entry else f"Twilio error {code}: https://www.twilio.com/docs/api/errors/{code}"


def read_inbound(form: Form, request: WebhookRequest, account: str) -> tuple[InboundMessage, ...]:
    """A received text; none for a message of another channel (WhatsApp, RCS). Raises `Unreadable`."""
    sid, sender, recipient = form.first("MessageSid"), form.first("From"), form.first("To")
    if not (sid and sender and recipient) or "Body" not in form:
        raise Unreadable(
            "the webhook is no received text: it lacks MessageSid, From, To or Body",
            fix='pass on only what Twilio posts for "A message comes in"; status callbacks go to the address ending in /status',
        )
    if ":" in sender or ":" in recipient:
        log.info(
            "Twilio passed on a message of channel %.20r, which is no text; it is ignored",
            sender.partition(":")[0],
        )
        return ()
    count = form.first("NumMedia") or "0"
    if not count.isdecimal() or int(count) > MAX_FIELDS:
        raise Unreadable("NumMedia is not a small number")
    media = tuple(
        InboundMedia(url=url, content_type=form.first(f"MediaContentType{place}") or None)
        for place in range(int(count))
        if (url := form.first(f"MediaUrl{place}"))
    )
    return (
        InboundMessage(
            carrier_id=sid,
            account=account,
            sender=sender,
            recipient=recipient,
            text=form.first("Body"),
            media=media,
            keyword=form.first("OptOutType").upper() or None,
            at=request.received_at,
            raw=form.flat(),
        ),
    )
