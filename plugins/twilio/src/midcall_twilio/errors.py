"""Reading what Twilio complains about: by its code when the table has it, else by the HTTP status."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from midcall import NotProcessed, Refused, Unknown, mask, result_for_http
from midcall_twilio.codes import CODES, Becomes


@dataclass(frozen=True, slots=True)
class Complaint:
    """What Twilio said is wrong: HTTP status, its own code (None if it gave none), its words, when to come back (seconds)."""

    status: int
    code: int | None
    detail: str = ""
    retry_after: float | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


def result_of(complaint: Complaint) -> NotProcessed | Refused | Unknown:
    """Read a complaint: by its code when it is in the table, else by the HTTP status. A 5xx is unknown whatever it says."""
    entry = CODES.get(complaint.code) if complaint.code is not None else None
    code = None if complaint.code is None else str(complaint.code)
    detail = shown(complaint.detail) or (entry.meaning if entry else f"HTTP {complaint.status}")
    if complaint.status >= 500 or (entry is not None and entry.becomes is Becomes.UNKNOWN):
        return Unknown(detail=detail, code=code, raw=complaint.raw)
    if entry is None:
        return result_for_http(
            complaint.status,
            detail=detail,
            code=code,
            retry_after=complaint.retry_after,
            raw=complaint.raw,
        )
    if entry.becomes is Becomes.NOT_PROCESSED:
        return NotProcessed(retry_after=complaint.retry_after, detail=detail, code=code, raw=complaint.raw)
    return Refused(entry.reason, entry.scope, detail=detail, code=code, raw=complaint.raw)


def as_code(value: object) -> int | None:
    """A code as Twilio writes it in JSON (30034) or in a form ("30034"); None for nothing, or for what is no code."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip()
    return int(text) if re.fullmatch(r"[1-9][0-9]{3,5}", text) else None


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds from a `Retry-After` header (a number or a date), 0 to 3,600; None when there is none that can be read."""
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", value):
        return min(float(value), 3_600.0)
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return min(max((when - datetime.now(UTC)).total_seconds(), 0.0), 3_600.0)


_NUMBER = re.compile(r"(?<!\w)\+?[0-9]{7,15}(?!\w)")


def shown(text: str, *, limit: int = 300) -> str:
    """A carrier's own words, fit for logs and errors: one line, not endless, phone numbers masked."""
    return _NUMBER.sub(lambda found: mask(found[0]), " ".join(text.split()))[:limit]
