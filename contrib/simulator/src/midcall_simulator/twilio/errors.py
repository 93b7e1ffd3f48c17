"""Twilio's refusals: its error codes, what each says, and the JSON it comes in.

Sources: the error dictionary at twilio.com/docs/api/errors/<code>. The words are ours; the codes are theirs.
Like Twilio's, the messages quote the phone number: a client that logs them has to mask it, and can be
tested on that here.
"""

from __future__ import annotations

import json

from aiohttp import web

CODES: dict[int, str] = {
    20001: "Unknown or malformed parameters",
    20003: "Authenticate",
    20004: "Method not allowed",
    20404: "The requested resource was not found",
    20408: "Request timeout",
    20409: "Conflict",
    20422: "Invalid parameter",
    20429: "Too many requests",
    20500: "An internal server error has occurred",
    20503: "Service unavailable",
    21211: "Invalid 'To' phone number",
    21212: "Invalid 'From' number",
    21408: "Permission to send an SMS has not been enabled for the region of the 'To' number",
    21602: "Message body is required",
    21603: "A 'From' or 'MessagingServiceSid' parameter is required to send a message",
    21604: "A 'To' phone number is required",
    21606: "The 'From' number is not a message-capable number of this account",
    21609: "Invalid 'StatusCallback' URL",
    21610: "Attempt to send to an unsubscribed recipient",
    21611: "The 'From' number has exceeded its maximum number of queued messages",
    21612: "The 'To' number is not reachable from this 'From' number",
    21614: "The 'To' number is not a valid mobile number",
    21617: "The message body exceeds the 1600 character limit",
    21620: "Invalid media URL",
    21621: "The 'From' number has not been enabled for MMS",
    21623: "The number of media files exceeds the limit of 10",
    21624: "The validity period is not an integer from 1 to 36000",
    21655: "The ContentSid is invalid",
    21656: "The ContentVariables parameter is invalid",
    21703: "The Messaging Service has no number available to send this message",
    21704: "The Messaging Service contains no phone numbers",
    21705: "The Messaging Service is invalid",
    21712: "The 'From' number is associated with another Messaging Service",
    30001: "Queue overflow",
    30002: "Account suspended",
    30003: "Unreachable destination handset",
    30004: "Message blocked",
    30005: "Unknown destination handset",
    30006: "Landline or unreachable carrier",
    30007: "Message filtered",
    30008: "Unknown error",
    30032: "The toll-free number has not been verified",
    30034: "US A2P 10DLC: message from an unregistered number",
    30035: "US A2P 10DLC: message from a number still being configured",
    30036: "Validity period expired",
    30410: "Provider timeout",
    35111: "SendAt timestamp is missing",
    35118: "MessagingServiceSid is required to schedule a message",
}

CODE_OF_STATUS = {400: 20001, 401: 20003, 404: 20404, 405: 20004, 408: 20408, 409: 20409, 422: 20422}
CODE_OF_STATUS |= {429: 20429, 500: 20500, 503: 20503}


class RefusedError(Exception):
    """A request Twilio would refuse. `about` is added to the code's own words."""

    def __init__(self, code: int, about: str = "", *, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.message = ": ".join(part for part in (CODES.get(code, "Error"), about) if part)


def error_answer(
    *, status: int, code: int, message: str | None = None, retry_after: float | None = None
) -> web.Response:
    """Twilio's error answer. `retry_after` seconds become a Retry-After header."""
    shown = message if message is not None else CODES.get(code, f"Error {code}")
    headers = {}
    if retry_after is not None:
        headers["Retry-After"] = f"{retry_after:g}"
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="Twilio API"'
    body = {
        "code": code,
        "message": shown,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return web.Response(
        status=status, text=json.dumps(body), content_type="application/json", headers=headers
    )
