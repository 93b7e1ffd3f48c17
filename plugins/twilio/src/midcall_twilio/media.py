"""Fetching the attachments of received texts."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from midcall import InboundMedia, Media, MidcallError
from midcall_twilio.settings import TwilioSettings
from midcall_twilio.wire import AnswerTooLarge, Wire, WireError, basic_auth

MAX_HOPS = 4
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class MediaUnavailable(MidcallError):
    """An attachment that could not be fetched, and why."""


def _here(url: str, config: TwilioSettings) -> str:
    """Where to ask for an attachment: with a `base_url`, what is at Twilio is asked for there, like everything else."""
    parts = urlsplit(url)
    if not config.base_url or not (parts.hostname or "").endswith(".twilio.com"):
        return url
    return config.base_url + parts.path + (f"?{parts.query}" if parts.query else "")


async def fetch(wire: Wire, config: TwilioSettings, media: InboundMedia, *, max_bytes: int) -> Media:
    """GET an attachment. Raises `MediaUnavailable`.

    Twilio asks for credentials and redirects to a signed address at its CDN [Media resource]: they are shown to the
    account's own hosts only, at every hop. Elsewhere only https is followed.
    """
    url = _here(media.url, config)
    if not config.is_own(url):
        raise MediaUnavailable("the attachment is not at Twilio: nothing was fetched")
    for _ in range(MAX_HOPS):
        own = config.is_own(url)
        if not own and urlsplit(url).scheme != "https":
            raise MediaUnavailable("the attachment's address leads to one without https")
        headers = {"Authorization": basic_auth(*config.login)} if own else {}
        try:
            answer = await wire.request("GET", url, headers=headers, limit=max_bytes)
        except AnswerTooLarge:
            raise MediaUnavailable(f"the attachment is larger than {max_bytes} bytes") from None
        except WireError as error:
            raise MediaUnavailable(f"the attachment could not be fetched: {error}") from None
        if answer.status == 200:
            found = answer.headers.get("content-type") or media.content_type or "application/octet-stream"
            return Media(content=answer.content, content_type=found.partition(";")[0].strip())
        if answer.status not in _REDIRECTS or not answer.headers.get("location"):
            raise MediaUnavailable(f"Twilio answered HTTP {answer.status} for the attachment")
        url = urljoin(url, answer.headers["location"])
    raise MediaUnavailable(f"the attachment's address was redirected more than {MAX_HOPS - 1} times")
