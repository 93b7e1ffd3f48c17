"""A carrier's result in the types it promises: an acceptance must not be lost because its id is a UUID or its payload odd."""

from __future__ import annotations

from typing import Any

from midcall.contract.reasons import Reason
from midcall.contract.results import Accepted, NotProcessed, Refused, Scope, SendResult, Unknown
from midcall.plain import plain, text_of
from midcall.plugins.wording import kind_of

_YEAR_S = 31_536_000.0


def normalised(result: SendResult) -> SendResult:
    """`result` with every field of the type its class declares, and a payload of JSON's own types.

    What is wrong never makes the text more certain than it was, nor sent twice: an acceptance without an id is `Unknown`; a
    refusal stays one, with `carrier_refused` for a reason and the account for a scope that are none of ours, which ends it.
    """
    raw = _raw(result.raw)
    if isinstance(result, Accepted):
        carrier_id = _identity(result.carrier_id)
        if not carrier_id:
            return Unknown(detail="the carrier accepted the text and gave no id", raw=raw)
        return Accepted(carrier_id, raw=raw)
    detail, code = _words(result.detail), None if result.code is None else _words(result.code)
    if isinstance(result, NotProcessed):
        return NotProcessed(retry_after=_seconds(result.retry_after), detail=detail, code=code, raw=raw)
    if isinstance(result, Refused):
        reason, scope = _reason(result.reason), _scope(result.scope)
        if reason is None:
            said = _words(result.reason)
            reason, detail = Reason.CARRIER_REFUSED, ": ".join(word for word in (said, detail) if word)
        return Refused(reason, scope or Scope.ACCOUNT, detail=detail, code=code, raw=raw)
    return Unknown(detail=detail, code=code, raw=raw)


def _raw(value: object) -> dict[str, Any]:
    copied = plain(value)
    if isinstance(copied, dict):
        return copied
    return {} if copied is None else {"value": copied}


def _identity(value: object) -> str:
    """A carrier's id as text; empty for none. Receipts name the same id, so nothing is cut off it."""
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, (bytes, bytearray)):
        value = bytes(value).decode(errors="replace")
    text = text_of(value)
    return text if text.strip() else ""


def _words(value: object) -> str:
    if value is None:
        return ""
    # An SDK's error may hold the request, and with it credentials and numbers.
    return kind_of(value) if isinstance(value, BaseException) else text_of(value)


def _reason(value: object) -> Reason | None:
    """A reason, also one that is spelt as text: `opted_out` must not be missed."""
    try:
        return Reason(value)  # type: ignore[call-arg, arg-type] # looked up by value; mypy takes the members' `__new__`
    except ValueError:
        return None


def _scope(value: object) -> Scope | None:
    try:
        return Scope(value)  # type: ignore[arg-type] # any value may be looked up
    except ValueError:
        return None


def _seconds(value: object) -> float | None:
    """A time that can be counted with. For ever is a year: longer than anybody waits, and not the same as "not said"."""
    try:
        seconds = float(value)  # type: ignore[arg-type] # what is no number raises
    except OverflowError:
        return _YEAR_S
    except Exception:  # noqa: BLE001 - a number-like object may raise anything
        return None
    return min(seconds, _YEAR_S) if seconds >= 0 else None
