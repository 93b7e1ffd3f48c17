"""`X-Retell-Signature`: whether a request comes from Retell, and is new.

The header is `v=<unix ms>,d=<64 hex>`, and `d` the HMAC-SHA256 of the raw body followed by `v`, keyed with the one API key
of the workspace that has the webhook badge (docs.retellai.com/features/secure-webhook; `retell/lib/webhook_auth.py` of
retell-sdk 6.2.13). The raw bytes are what is signed: JSON that was read and written again has other ones.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import datetime
from typing import Final

from midcall import BadSignature

HEADER: Final = "x-retell-signature"

_FORM: Final = re.compile(r"v=([1-9][0-9]{0,15}),d=([0-9a-f]{64})")


def verify(body: bytes, header: str | None, *, key: str, now: datetime, tolerance_s: int) -> None:
    """Return when `body` was signed with `key` within `tolerance_s` seconds of `now`, before or after.

    Raises `BadSignature` otherwise; its text tells a missing header, an unreadable one, a wrong key (or a changed body)
    and an old signature apart. Only a signature that is right is called old, so that advice about clocks is given to
    those whose clock it is.
    """
    if header is None or not header.strip():
        raise BadSignature(
            "the request has no X-Retell-Signature header",
            fix="call this address from Retell only, and let proxies in between pass the header on",
        )
    match = _FORM.fullmatch(header.strip())
    if match is None:
        raise BadSignature(
            "X-Retell-Signature is not of the form v=<milliseconds>,d=<64 hex digits>",
            fix="let proxies in between pass the header on unchanged",
        )
    signed_at, digest = match.groups()
    expected = hmac.new(key.encode(), body + signed_at.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, digest):
        raise BadSignature(
            "X-Retell-Signature does not fit the request",
            fix=(
                "api_key must be the workspace API key with the webhook badge in Retell's dashboard; "
                "if it is, something in between changes the body"
            ),
        )
    behind_s = now.timestamp() - int(signed_at) / 1_000
    if abs(behind_s) > tolerance_s:
        when = f"{abs(behind_s):.0f} s {'ago' if behind_s > 0 else 'in the future'}"
        raise BadSignature(
            f"the request was signed {when}; at most {tolerance_s} s are accepted",
            fix="check this machine's clock (NTP); if it is right, this is an old request sent again",
        )
