"""What a carrier answers when it is handed a text: one of four results, and nothing else.

::

    Accepted       the carrier took it (its id is kept)
    NotProcessed   nothing happened: may be repeated, or sent from another candidate
    Refused        certainly not sent; `scope` says what the refusal concerns
    Unknown        it may have been sent: never repeated, never failed over
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from midcall.contract.reasons import Reason


class Scope(StrEnum):
    """What a refusal concerns. Only `sender` lets another candidate be tried; the other three are final."""

    SENDER = "sender"
    DESTINATION = "destination"
    CONTENT = "content"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The carrier took the text. `carrier_id` is its id there; `raw` the carrier's answer."""

    carrier_id: str
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotProcessed:
    """The carrier says, or the wire proves, that nothing happened. `retry_after` is in seconds, None if not said."""

    retry_after: float | None = None
    detail: str = ""
    code: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """Certainly not sent. `code` is the carrier's own."""

    reason: Reason
    scope: Scope
    detail: str = ""
    code: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request left and what became of it is not known."""

    detail: str = ""
    code: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)


SendResult = Accepted | NotProcessed | Refused | Unknown


def result_for_http(
    status: int,
    *,
    detail: str = "",
    code: str | None = None,
    retry_after: float | None = None,
    busy_on_503: bool = False,
    raw: Mapping[str, Any] | None = None,
) -> NotProcessed | Refused | Unknown:
    """Core's reading of an HTTP error status, for codes a carrier module has no entry for.

    429 is not processed, and 503 only where the carrier says so (`busy_on_503`): the two answers that Google's default
    predicate for non-idempotent calls repeats (cloud.google.com/workflows, http.default_retry_predicate_non_idempotent).
    400 and 422 are refused as content, 401 and 403 as account, 404 as sender. All else, 408, 409, 425 and 5xx included,
    is unknown.
    """
    raw = raw or {}
    if status == 429 or (status == 503 and busy_on_503):
        return NotProcessed(retry_after=retry_after, detail=detail, code=code, raw=raw)
    scopes = {
        400: (Reason.CARRIER_REFUSED, Scope.CONTENT),
        401: (Reason.ACCOUNT_PROBLEM, Scope.ACCOUNT),
        403: (Reason.ACCOUNT_PROBLEM, Scope.ACCOUNT),
        404: (Reason.SENDER_NOT_OWNED, Scope.SENDER),
        422: (Reason.CARRIER_REFUSED, Scope.CONTENT),
    }
    if status in scopes:
        reason, scope = scopes[status]
        return Refused(reason, scope, detail=detail, code=code, raw=raw)
    return Unknown(detail=detail or f"HTTP {status}", code=code, raw=raw)
