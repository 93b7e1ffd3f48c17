"""Twilio's status callbacks: which statuses a text goes through, and the signed form it posts for each.

Sources: twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks (the first status is never
called back), and twilio.com/docs/usage/webhooks/webhooks-connection-overrides (the #rc= and #rp= of a URL).
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from midcall_simulator.callbacks import Callback
from midcall_simulator.delivery import Step
from midcall_simulator.faults import Fault, FaultKind
from midcall_simulator.memory import Text
from midcall_simulator.twilio.signatures import signature_headers
from midcall_simulator.twilio.world import OwnedNumber, TwilioAccount

_FAILURES = frozenset({"ct", "rt", "4xx", "5xx"})
_USUAL_LATE_CODE = {"undelivered": 30003, "failed": 30008}


def steps(text: Text, sender: OwnedNumber, fault: Fault | None, *, delay: float) -> list[Step]:
    """What happens to a text that was taken: delivered, unless its sender is unregistered or a fault says no."""
    walk = [Step("queued", 0.0)] if text.status == "accepted" else []
    code: int | None = None
    final = "undelivered"
    if fault is not None and fault.kind is FaultKind.UNDELIVERED:
        code, final = fault.code or _USUAL_LATE_CODE[fault.final], fault.final
    elif fault is not None and fault.kind is FaultKind.UNREGISTERED:
        code, final = fault.code or sender.late_code(), fault.final
    elif text.to.startswith("+1") and not sender.registered:
        code = sender.late_code()
    if code is None:
        return [*walk, Step("sent", delay), Step("delivered", delay)]
    if final == "failed":
        return [*walk, Step("failed", delay, code)]
    return [*walk, Step("sent", delay), Step("undelivered", delay, code)]


def callback_for(account: TwilioAccount, text: Text) -> Callback | None:
    """The callback for the status the text has now, or None if nobody asked for one."""
    url = text.callback_url
    if url is None:
        return None
    form = {
        "AccountSid": account.sid,
        "ApiVersion": "2010-04-01",
        "From": text.from_,
        "MessageSid": text.sid,
        "MessageStatus": text.status,
        "SmsSid": text.sid,
        "SmsStatus": text.status,
        "To": text.to,
    }
    if text.service is not None:
        form["MessagingServiceSid"] = text.service
    if text.error_code is not None:
        form["ErrorCode"] = str(text.error_code)
    if text.status == "delivered":
        form["RawDlrDoneDate"] = text.updated_at.strftime("%y%m%d%H%M")
    retries, retry_on = retry_policy(url)
    headers = signature_headers(url, form.items(), auth_token=account.token, shared_key=account.shared_key)
    return Callback(
        sid=text.sid,
        status=text.status,
        url=url,
        headers={
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
            "User-Agent": "TwilioProxy/1.1",
            "Accept": "*/*",
            **headers,
        },
        body=urlencode(form).encode("ascii"),
        retries=retries,
        retry_on=retry_on,
    )


def retry_policy(url: str) -> tuple[int, frozenset[str]]:
    """How often Twilio tries this callback again, and after which failures; once, after no connection, if unsaid."""
    overrides = dict(parse_qsl(url.partition("#")[2]))
    count = overrides.get("rc", "1")
    named = frozenset(overrides.get("rp", "ct").lower().split(","))
    retries = min(int(count), 5) if count.isdecimal() else 1
    return retries, _FAILURES if "all" in named else named & _FAILURES
