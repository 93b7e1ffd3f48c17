"""Twilio's SDK on our own HTTP. Imports the SDK, so it is itself imported only by `Twilio.load_sdk` and at first use."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from urllib.parse import urlencode

from twilio.base.exceptions import TwilioException  # type: ignore[import-untyped]  # no py.typed
from twilio.http import AsyncHttpClient  # type: ignore[import-untyped]  # no py.typed
from twilio.http.response import Response  # type: ignore[import-untyped]  # no py.typed
from twilio.rest import Client  # type: ignore[import-untyped]  # no py.typed

from midcall import MidcallError
from midcall_twilio.errors import Complaint, as_code, retry_after_s, shown
from midcall_twilio.settings import TwilioSettings
from midcall_twilio.wire import Answer, NotWritten, Wire, WireError, basic_auth

log = logging.getLogger("midcall_twilio")

# The SDK falls back to the whole environment when this is empty, and TWILIO_EDGE or TWILIO_REGION found there rewrite the
# host of every request: http://127.0.0.1 becomes http://127.dublin.0.0.1. `base_url` is the one setting of the host.
_NO_ENVIRONMENT = {"MIDCALL": "the host is base_url"}


class AskingFailed(MidcallError):
    """Twilio could not be asked, or its answer could not be read."""


class Exchange(AsyncHttpClient):  # type: ignore[misc]  # the SDK is untyped, so its base class is Any
    """What the SDK calls for one of our operations: hands its requests to the wire and keeps the last answer.

    One per operation and never shared, so no other text's answer can be read here. Nothing is logged: the SDK's own
    `log_request` would write texts and numbers.
    """

    def __init__(self, wire: Wire, config: TwilioSettings) -> None:
        super().__init__(log, is_async=True)
        self._wire = wire
        self._config = config
        self.answer: Answer | None = None

    async def request(  # noqa: PLR0917 - the SDK's signature
        self,
        method: str,
        url: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the SDK's signature; it never passes one, config.timeout holds
        allow_redirects: bool = False,  # noqa: FBT001, FBT002 - likewise; redirects are never followed here
    ) -> Response:
        """One request, as `Wire.request`. Raises `NotWritten` for a URL on a host the credentials are not for: the next
        page of a list is wherever the last answer said."""
        if not self._config.is_own(url):
            raise NotWritten("the request was for a host that is not Twilio's or base_url's")
        if params:
            url = f"{url}{'&' if '?' in url else '?'}{urlencode(params, doseq=True)}"
        sent = dict(headers or {})
        if auth is not None:
            sent["Authorization"] = basic_auth(*auth)
        self.answer = None
        self.answer = await self._wire.request(
            method,
            url,
            headers=sent,
            # Encoded here: aiohttp's forms refuse the lists in which the SDK passes several media URLs.
            content=urlencode(data, doseq=True).encode("ascii") if data else None,
        )
        return Response(self.answer.status, self.answer.text, self.answer.headers)


def open_client(exchange: Exchange, config: TwilioSettings) -> Client:
    """The SDK's client for one operation: 10 µs, so nothing is gained by sharing one."""
    username, password = config.login
    client = Client(
        username,
        password,
        account_sid=config.account_sid,
        http_client=exchange,
        environment=_NO_ENVIRONMENT,
        user_agent_extensions=["midcall-twilio"],
    )
    if config.base_url:
        client.api.base_url = config.base_url
        client.messaging.base_url = config.base_url
    return client


def complaint_of(error: TwilioException, answer: Answer) -> Complaint:
    """What Twilio complained of. `TwilioServiceException` (RFC 9457) is not a `TwilioRestException`: both are read here."""
    said = vars(error) or _said(answer)  # a list that fails raises an exception with nothing in it
    code = as_code(said.get("code"))
    detail = said.get("detail") or said.get("msg") or said.get("title") or said.get("message")
    return Complaint(
        status=answer.status,
        # The SDK gives the HTTP status as the code when the body says nothing.
        code=None if code == answer.status else code,
        detail=detail if isinstance(detail, str) else "",
        retry_after=retry_after_s(answer.headers),
    )


def _said(answer: Answer) -> Mapping[str, object]:
    try:
        payload = json.loads(answer.text)
    except ValueError:
        return {}
    return payload if isinstance(payload, dict) else {}


@contextmanager
def asking(what: str, exchange: Exchange) -> Iterator[None]:
    """Turn what goes wrong while asking Twilio something into `AskingFailed`, in words without numbers or secrets."""
    try:
        yield
    except WireError as error:
        raise AskingFailed(f"Twilio could not be asked {what}: {error}") from None
    except TwilioException as error:
        answer = exchange.answer
        if answer is None:
            raise AskingFailed(f"Twilio could not be asked {what}: {type(error).__name__}") from None
        complaint = complaint_of(error, answer)
        code = f", code {complaint.code}" if complaint.code else ""
        words = f": {shown(complaint.detail)}" if complaint.detail else ""
        raise AskingFailed(f"Twilio refused to say {what}: HTTP {answer.status}{code}{words}") from None
    except (ValueError, AttributeError, TypeError, KeyError) as error:
        # What the SDK raises for a body that is not the JSON it expects.
        raise AskingFailed(
            f"Twilio's answer about {what} could not be read: {type(error).__name__}"
        ) from None


def load() -> None:
    """Import what the SDK would import when each resource is first touched, and the HTTP library."""
    for module in (
        "aiohttp",
        "twilio.request_validator",
        "twilio.rest.api.v2010.account.incoming_phone_number",
        "twilio.rest.api.v2010.account.message",
        "twilio.rest.messaging.v1.service",
        "twilio.rest.messaging.v1.tollfree_verification",
    ):
        import_module(module)
