"""The Message resource: what a taken text looks like, and which texts a list asks for."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from email.utils import format_datetime, parsedate_to_datetime

from midcall_simulator.memory import Memory, Text
from midcall_simulator.twilio.errors import CODES, RefusedError
from midcall_simulator.twilio.form import NewMessage
from midcall_simulator.twilio.pages import PageAsked
from midcall_simulator.twilio.segments import segments
from midcall_simulator.twilio.world import MessagingService, OwnedNumber, TwilioAccount

MESSAGE_FILTERS = frozenset({"To", "From", "DateSent", "DateSent<", "DateSent>"})
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def choose_sender(account: TwilioAccount, new: NewMessage) -> tuple[OwnedNumber, MessagingService | None]:
    """The number this Message leaves from. Raises `RefusedError` if the account has none that may carry it."""
    service = None
    if new.service is not None:
        service = account.services.get(new.service)
        if service is None:
            raise RefusedError(21705, new.service)
    if new.from_ is None:
        if service is None:  # the form was refused before (21603); said again for whoever reads this alone
            raise RefusedError(21603)
        if not service.numbers:
            raise RefusedError(21704, service.sid)
        chosen = service.sender_for(new.to, mms=new.as_mms)
        if chosen is None:
            raise RefusedError(21703, service.sid)
        return chosen, service
    owned = account.numbers.get(new.from_)
    if owned is None or not (owned.sms or owned.mms):
        raise RefusedError(21606, new.from_)
    if service is not None and owned.service is not service:
        if owned.service is None:
            raise RefusedError(21606, f"{new.from_} is not in {service.sid}")
        raise RefusedError(21712, new.from_)
    if not owned.can(mms=new.as_mms):
        raise RefusedError(21621 if new.as_mms else 21606, new.from_)
    return owned, service


def body_of(account: TwilioAccount, new: NewMessage) -> str:
    """The words of the Message, with a content template filled in. Raises `RefusedError` for an unknown template."""
    if new.content is None:
        return new.body
    template = account.templates.get(new.content)
    if template is None:
        raise RefusedError(21655, new.content)
    return _PLACEHOLDER.sub(lambda found: new.content_variables.get(found[1], found[0]), template)


def make_text(
    account: TwilioAccount,
    new: NewMessage,
    sender: OwnedNumber,
    service: MessagingService | None,
    *,
    sid: str,
    body: str,
    asked: tuple[tuple[str, str], ...],
) -> Text:
    """The text this Message becomes once it is taken."""
    status = "queued" if service is None else "scheduled" if new.scheduled else "accepted"
    return Text(
        carrier="twilio",
        sid=sid,
        account=account.sid,
        to=new.to,
        from_=sender.number,
        body=body,
        media=new.media,
        service=None if service is None else service.sid,
        segments=1 if new.as_mms else segments(body),
        status=status,
        callback_url=new.status_callback or (None if service is None else service.status_callback),
        asked=asked,
    )


def message_json(text: Text) -> dict[str, object]:
    """The Message resource. Until it is queued, a text of a messaging service has no sender and no segments."""
    uri = f"/2010-04-01/Accounts/{text.account}/Messages/{text.sid}"
    assigned = text.status not in ("accepted", "scheduled") or ("From", text.from_) in text.asked
    return {
        "account_sid": text.account,
        "api_version": "2010-04-01",
        "body": text.body,
        "date_created": format_datetime(text.at),
        "date_sent": None if text.sent_at is None else format_datetime(text.sent_at),
        "date_updated": format_datetime(text.updated_at),
        "direction": "outbound-api",
        "error_code": text.error_code,
        "error_message": None if text.error_code is None else CODES.get(text.error_code),
        "from": text.from_ if assigned else None,
        "messaging_service_sid": text.service,
        "num_media": str(len(text.media)),
        "num_segments": str(text.segments) if assigned else "0",
        "price": None,
        "price_unit": "USD",
        "sid": text.sid,
        "status": text.status,
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": text.to,
        "uri": f"{uri}.json",
    }


def list_page(memory: Memory, account: TwilioAccount, asked: PageAsked) -> tuple[list[Text], bool, int]:
    """This page's texts, newest first; whether there are more; and how long the memory was on the first page."""
    to, from_ = asked.filters.get("To"), asked.filters.get("From")
    keeps = [
        _sent_filter(name, value) for name, value in asked.filters.items() if name.startswith("DateSent")
    ]
    frozen = asked.frozen_at(len(memory.texts))
    matching = (
        text
        for text in _newest_first(memory.find(account=account.sid, to=to, from_=from_))
        if text.number < frozen
        and text.account == account.sid
        and (to is None or text.to == to)
        and (from_ is None or text.from_ == from_)
        and all(keep(text.sent_at) for keep in keeps)
    )
    page = list(itertools.islice(matching, asked.start, asked.start + asked.size + 1))
    return page[: asked.size], len(page) > asked.size, frozen


def _newest_first(texts: Sequence[Text]) -> Iterator[Text]:
    return reversed(texts)


def _sent_filter(name: str, value: str) -> Callable[[datetime | None], bool]:
    """A test of a text's sent time. A date means the whole day, a time means the second; unsent never matches."""
    if _DAY.fullmatch(value):
        try:
            return _compare(name, date.fromisoformat(value), lambda sent: sent.date())
        except ValueError:
            raise RefusedError(20422, f"{name} is not a date", status=422) from None
    return _compare(name, _moment(name, value), lambda sent: sent.replace(microsecond=0))


def _compare(name: str, bound: date, view: Callable[[datetime], date]) -> Callable[[datetime | None], bool]:
    if name.endswith("<"):
        return lambda sent: sent is not None and view(sent) <= bound
    if name.endswith(">"):
        return lambda sent: sent is not None and view(sent) >= bound
    return lambda sent: sent is not None and view(sent) == bound


def _moment(name: str, value: str) -> datetime:
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(value)
        except ValueError:
            continue
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).replace(microsecond=0)
    raise RefusedError(20422, f"{name} is not a date or a time", status=422)
