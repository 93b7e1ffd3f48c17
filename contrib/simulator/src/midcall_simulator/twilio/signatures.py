"""How Twilio signs a callback: HMAC over the URL and the sorted parameters, in base64.

Source: Twilio, "Security", validating signatures from Twilio. Two algorithms: HMAC_SHA1 with the account's
auth token, and HMAC_SHA256 with a shared key, announced by a header of its own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field

SIGNATURE_HEADER = "X-Twilio-Signature"
SETTINGS_HEADER = "X-Twilio-Webhooks-Signature-Settings"


@dataclass(frozen=True, slots=True)
class SharedKey:
    """A key that signs callbacks with HMAC_SHA256 in place of the auth token."""

    id: str
    secret: str = field(repr=False)


def sign(url: str, parameters: Iterable[tuple[str, str]], secret: str, *, algorithm: str = "sha1") -> str:
    """The signature of a form POST to `url`: the URL without its fragment, then each distinct name and value.

    Names are sorted, and the values of a repeated name among themselves.
    """
    signed = url.partition("#")[0] + "".join(name + value for name, value in sorted(set(parameters)))
    digest = hmac.new(secret.encode(), signed.encode(), getattr(hashlib, algorithm)).digest()
    return base64.b64encode(digest).decode("ascii")


def signature_headers(
    url: str, parameters: Iterable[tuple[str, str]], *, auth_token: str, shared_key: SharedKey | None = None
) -> dict[str, str]:
    """The headers that prove a callback came from this account."""
    if shared_key is None:
        return {SIGNATURE_HEADER: sign(url, parameters, auth_token)}
    return {
        SIGNATURE_HEADER: sign(url, parameters, shared_key.secret, algorithm="sha256"),
        SETTINGS_HEADER: f"key={shared_key.id},algorithm=HMAC_SHA256",
    }
