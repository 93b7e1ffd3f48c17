"""Twilio's REST API, as far as sending a text and checking its sender go.

Each route is one method below. All of them share `_serve`: read the request whole, remember it, sign the
customer in, and turn a refusal into Twilio's error JSON.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar
from urllib.parse import parse_qsl

from aiohttp import web

from midcall_simulator.delivery import deliver
from midcall_simulator.exchange import Exchange
from midcall_simulator.faults import Asked, Fault, FaultKind
from midcall_simulator.memory import SeenRequest
from midcall_simulator.twilio.errors import CODE_OF_STATUS, RefusedError, error_answer
from midcall_simulator.twilio.form import NewMessage, read_new_message
from midcall_simulator.twilio.messages import (
    MESSAGE_FILTERS,
    body_of,
    choose_sender,
    list_page,
    make_text,
    message_json,
)
from midcall_simulator.twilio.pages import PageAsked, page_2010, page_v1
from midcall_simulator.twilio.receipts import callback_for, steps
from midcall_simulator.twilio.resources import (
    NUMBER_FILTERS,
    VERIFICATION_FILTERS,
    campaign_json,
    friendly_name,
    number_json,
    service_json,
    service_number_json,
    verification_json,
)
from midcall_simulator.twilio.world import MessagingService, OwnedNumber, TwilioAccount, TwilioWorld

_ACCOUNT = "/2010-04-01/Accounts/{account}"
_SERVICE = "/v1/Services/{service}"
_FORM = "application/x-www-form-urlencoded"
_NO_FILTERS: frozenset[str] = frozenset()
T = TypeVar("T")


class Visit:
    """One signed-in request: what was received, from whom, and what is remembered of it."""

    __slots__ = ("account", "body", "query", "request", "seen")

    def __init__(self, request: web.Request, body: bytes, account: TwilioAccount, seen: SeenRequest) -> None:
        self.request = request
        self.body = body
        self.account = account
        self.seen = seen
        self.query = seen.query

    @property
    def base(self) -> str:
        """The address the customer called, for links in answers."""
        return f"{self.request.scheme}://{self.request.host}"


Endpoint = Callable[[Visit], Awaitable[web.StreamResponse]]


class TwilioApi:
    """The routes of api.twilio.com and messaging.twilio.com, on one host."""

    name = "twilio"

    def __init__(self, exchange: Exchange, world: TwilioWorld) -> None:
        self._exchange = exchange
        self._world = world

    def routes(self) -> list[web.RouteDef]:
        """Every route, the general ones (which answer 404) last."""
        paths: list[tuple[str, str, Endpoint]] = [
            ("POST", f"{_ACCOUNT}/Messages.json", self._send),
            ("GET", f"{_ACCOUNT}/Messages.json", self._list_messages),
            ("GET", f"{_ACCOUNT}/Messages/{{sid}}.json", self._fetch_message),
            ("GET", f"{_ACCOUNT}/IncomingPhoneNumbers.json", self._list_numbers),
            ("GET", f"{_ACCOUNT}/IncomingPhoneNumbers/{{sid}}.json", self._fetch_number),
            ("GET", "/v1/Services", self._list_services),
            ("GET", _SERVICE, self._fetch_service),
            ("GET", f"{_SERVICE}/PhoneNumbers", self._list_service_numbers),
            ("GET", f"{_SERVICE}/Compliance/Usa2p", self._list_campaigns),
            ("GET", "/v1/Tollfree/Verifications", self._list_verifications),
            ("*", "/2010-04-01/{rest:.*}", self._nothing_here),
            ("*", "/v1/Services{rest:.*}", self._nothing_here),
            ("*", "/v1/Tollfree{rest:.*}", self._nothing_here),
        ]
        return [web.route(method, path, partial(self._serve, endpoint)) for method, path, endpoint in paths]

    async def _serve(self, endpoint: Endpoint, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        seen = SeenRequest(
            carrier=self.name,
            method=request.method,
            path=request.path,
            query=tuple(request.query.items()),
            headers=tuple(_shown(name, value) for name, value in request.headers.items()),
            body=body,
        )
        self._exchange.memory.see(seen)
        try:
            return await endpoint(Visit(request, body, self._sign_in(request), seen))
        except RefusedError as refusal:
            seen.outcome = f"refused {refusal.code}"
            return error_answer(status=refusal.status, code=refusal.code, message=refusal.message)

    def _sign_in(self, request: web.Request) -> TwilioAccount:
        username, password = _credentials(request.headers.get("Authorization", ""))
        account = self._world.sign_in(username, password)
        if account is None:
            raise RefusedError(20003, status=401)
        asked = request.match_info.get("account")
        if asked is not None and asked != account.sid:
            raise _not_found(request)
        return account

    # Texts

    async def _send(self, visit: Visit) -> web.StreamResponse:
        pairs = _form(visit)
        new = read_new_message(pairs)
        body = body_of(visit.account, new)
        sender, service = choose_sender(visit.account, new)
        self._check_recipient(new, sender)
        asked = Asked(
            carrier=self.name,
            on="send",
            account=visit.account.sid,
            to=new.to,
            from_=new.from_ or new.service or "",
            body=body,
        )
        take = partial(
            self._take, visit, new=new, sender=sender, service=service, body=body, pairs=pairs, asked=asked
        )
        return await self._answer(visit, asked, take)

    def _check_recipient(self, new: NewMessage, sender: OwnedNumber) -> None:
        phones = self._exchange.phones
        senders = [sender.number] + ([sender.service.sid] if sender.service is not None else [])
        if phones.is_opted_out(new.to, senders):
            raise RefusedError(21610, new.to)
        if phones.is_landline(new.to):
            raise RefusedError(21614, new.to)

    def _take(
        self,
        visit: Visit,
        *,
        new: NewMessage,
        sender: OwnedNumber,
        service: MessagingService | None,
        body: str,
        pairs: tuple[tuple[str, str], ...],
        asked: Asked,
    ) -> web.Response:
        account, exchange = visit.account, self._exchange
        sid = ("MM" if new.as_mms else "SM") + uuid.uuid4().hex
        text = make_text(account, new, sender, service, sid=sid, body=body, asked=pairs)
        exchange.memory.take(text)
        visit.seen.sid = sid
        answer = _json_answer(message_json(text), status=201)
        if not new.scheduled:
            fault = exchange.faults.strike(asked, receipt=True)
            walk = steps(text, sender, fault, delay=exchange.callback_delay)
            exchange.follow(
                deliver(exchange, text, walk, callback_for=partial(callback_for, account), fault=fault)
            )
        return answer

    async def _list_messages(self, visit: Visit) -> web.StreamResponse:
        page = PageAsked(visit.query, filters=MESSAGE_FILTERS)
        texts, more, frozen = list_page(self._exchange.memory, visit.account, page)
        return await self._look_up(
            visit,
            page_2010(
                page,
                path=visit.request.path,
                key="messages",
                items=texts,
                more=more,
                frozen=frozen,
                show=message_json,
            ),
        )

    async def _fetch_message(self, visit: Visit) -> web.StreamResponse:
        PageAsked(visit.query, filters=_NO_FILTERS)
        text = self._exchange.memory.text(visit.request.match_info["sid"])
        if text is None or text.account != visit.account.sid:
            raise _not_found(visit.request)
        return await self._look_up(visit, message_json(text))

    # Numbers

    async def _list_numbers(self, visit: Visit) -> web.StreamResponse:
        page = PageAsked(visit.query, filters=NUMBER_FILTERS)
        asked = page.filters
        found = [
            owned
            for owned in visit.account.numbers.values()
            if _number_matches(owned.number, asked.get("PhoneNumber"))
            and asked.get("FriendlyName", friendly_name(owned)) == friendly_name(owned)
            and asked.get("Origin", "twilio") == "twilio"
            and asked.get("Beta", "false") == "false"
        ]
        frozen = page.frozen_at(len(found))
        shown = found[page.start : min(page.start + page.size, frozen)]
        return await self._look_up(
            visit,
            page_2010(
                page,
                path=visit.request.path,
                key="incoming_phone_numbers",
                items=shown,
                more=page.start + page.size < frozen,
                frozen=frozen,
                show=number_json,
            ),
        )

    async def _fetch_number(self, visit: Visit) -> web.StreamResponse:
        sid = visit.request.match_info["sid"]
        owned = next((number for number in visit.account.numbers.values() if number.sid == sid), None)
        if owned is None:
            raise _not_found(visit.request)
        return await self._look_up(visit, number_json(owned))

    # Registration

    async def _list_services(self, visit: Visit) -> web.StreamResponse:
        services = list(visit.account.services.values())
        show = partial(service_json, base=visit.base)
        return await self._look_up_list(visit, "services", services, show)

    async def _fetch_service(self, visit: Visit) -> web.StreamResponse:
        return await self._look_up(visit, service_json(_service(visit), base=visit.base))

    async def _list_service_numbers(self, visit: Visit) -> web.StreamResponse:
        service = _service(visit)
        show = partial(service_number_json, service=service, base=visit.base)
        return await self._look_up_list(visit, "phone_numbers", list(service.numbers), show)

    async def _list_campaigns(self, visit: Visit) -> web.StreamResponse:
        service = _service(visit)
        campaigns = [] if service.campaign is None else [service]
        return await self._look_up_list(
            visit, "compliance", campaigns, partial(campaign_json, base=visit.base)
        )

    async def _list_verifications(self, visit: Visit) -> web.StreamResponse:
        page = PageAsked(visit.query, filters=VERIFICATION_FILTERS)
        asked = page.filters
        found = [
            owned
            for owned in visit.account.numbers.values()
            if owned.toll_free_status is not None
            and asked.get("TollfreePhoneNumberSid", owned.sid) == owned.sid
            and asked.get("Status", owned.toll_free_status) == owned.toll_free_status
            and "ExternalReferenceId" not in asked  # none of ours has one, nor a bundle of its own
            and "TrustProductSid" not in asked
        ]
        show = partial(verification_json, base=visit.base)
        return await self._look_up_list(visit, "verifications", found, show, page=page)

    async def _nothing_here(self, visit: Visit) -> web.StreamResponse:
        raise _not_found(visit.request)

    # Answers

    async def _look_up_list(
        self,
        visit: Visit,
        key: str,
        items: list[T],
        show: Callable[[T], object],
        *,
        page: PageAsked | None = None,
    ) -> web.StreamResponse:
        asked = page or PageAsked(visit.query, filters=_NO_FILTERS)
        path = visit.request.path
        return await self._look_up(
            visit, page_v1(asked, base=visit.base, path=path, key=key, items=items, show=show)
        )

    async def _look_up(self, visit: Visit, resource: dict[str, object]) -> web.StreamResponse:
        query = dict(visit.query)
        asked = Asked(
            carrier=self.name,
            on="lookup",
            account=visit.account.sid,
            to=query.get("To", ""),
            from_=query.get("From", ""),
        )
        return await self._answer(visit, asked, partial(_json_answer, resource, status=200))

    async def _answer(
        self, visit: Visit, asked: Asked, proceed: Callable[[], web.Response]
    ) -> web.StreamResponse:
        fault = self._exchange.faults.strike(asked)
        if fault is not None:
            visit.seen.outcome = f"fault {fault.kind}"
        elif asked.on == "send":
            visit.seen.outcome = "accepted"
        return await self._exchange.answer(fault, proceed=proceed, refuse=_refuse)


def _refuse(fault: Fault) -> web.Response:
    if fault.kind is FaultKind.OPTED_OUT:
        return error_answer(status=400, code=21610)
    if fault.kind is FaultKind.LANDLINE:
        return error_answer(status=400, code=21614)
    if fault.kind is FaultKind.RATE_LIMITED:
        return error_answer(status=429, code=fault.code or 20429, retry_after=fault.retry_after)
    status = fault.status or 400
    code = fault.code or CODE_OF_STATUS.get(status, 20500 if status >= 500 else 20001)
    return error_answer(status=status, code=code, retry_after=fault.retry_after)


def _json_answer(resource: dict[str, object], *, status: int) -> web.Response:
    return web.Response(status=status, text=json.dumps(resource), content_type="application/json")


def _service(visit: Visit) -> MessagingService:
    service = visit.account.services.get(visit.request.match_info["service"])
    if service is None:
        raise _not_found(visit.request)
    return service


def _not_found(request: web.Request) -> RefusedError:
    return RefusedError(20404, f"{request.method} {request.path}", status=404)


def _number_matches(number: str, pattern: str | None) -> bool:
    """Twilio's PhoneNumber filter: part of a number is enough, and `*` stands for any digit."""
    return pattern is None or re.search(re.escape(pattern).replace(r"\*", r"\d"), number) is not None


def _credentials(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        username, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return username, password


def _shown(name: str, value: str) -> tuple[str, str]:
    """A header as it may be remembered: credentials are not."""
    return (name, value.partition(" ")[0] + " (hidden)") if name.lower() == "authorization" else (name, value)


def _form(visit: Visit) -> tuple[tuple[str, str], ...]:
    if visit.request.content_type != _FORM:
        raise RefusedError(20001, f"the body must be {_FORM}")
    if visit.query:
        raise RefusedError(20001, "a new Message has no query parameters")
    try:
        return tuple(
            parse_qsl(visit.body.decode(), keep_blank_values=True, errors="strict", max_num_fields=200)
        )
    except ValueError:
        raise RefusedError(20001, "the body is not a form in UTF-8") from None
