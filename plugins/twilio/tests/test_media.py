"""Attachments: fetched with credentials where these belong, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from midcall.contract.errors import MidcallError
from midcall.contract.webhooks import InboundMedia
from midcall_twilio import Twilio, TwilioSettings
from midcall_twilio.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plugins.twilio.tests.conftest import Connection, Kit, RawServer, Seen

PICTURE = b"\x89PNG and so on"
AT_TWILIO = "https://api.twilio.com/2010-04-01/Accounts/AC/Messages/MM/Media/ME"


class Hops:
    """Stands in for the wire: what each URL answers, and which of them were shown credentials."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, bool]] = []

    async def request(
        self, _method: str, url: str, *, headers: Mapping[str, str], limit: int, content: bytes | None = None
    ) -> Answer:
        assert content is None
        assert limit == 1_000
        self.asked.append((url, "Authorization" in headers))
        return self.answers[url]

    async def aclose(self) -> None:
        pass


def _to(url: str, status: int = 307) -> Answer:
    return Answer(status, {"location": url}, b"")


def _picture() -> Answer:
    return Answer(200, {"content-type": "image/png; q=1"}, PICTURE)


def _at_twilio(kit: Kit, answers: Mapping[str, Answer]) -> tuple[Twilio, Hops]:
    carrier = Twilio(
        "twilio", TwilioSettings.model_validate({"account_sid": kit.ACCOUNT_SID, "auth_token": "t"})
    )
    hops = Hops(answers)
    carrier._wire = hops  # type: ignore[assignment]  # it has what `fetch` uses
    return carrier, hops


async def test_credentials_are_shown_to_twilio_and_not_to_its_cdn(kit: Kit) -> None:
    """The redirect leads to a signed address elsewhere, which must not see the token."""
    cdn = "https://mms.twiliocdn.com/AC/signed?x=1"
    carrier, hops = _at_twilio(kit, {AT_TWILIO: _to(cdn), cdn: _picture()})
    media = await carrier.fetch_media(InboundMedia(url=AT_TWILIO), max_bytes=1_000)
    assert (media.content, media.content_type) == (PICTURE, "image/png")
    assert hops.asked == [(AT_TWILIO, True), (cdn, False)]


async def test_a_relative_redirect_stays_at_home(kit: Kit) -> None:
    """Credentials go along as long as the host is Twilio's."""
    there = "https://api.twilio.com/there"
    carrier, hops = _at_twilio(kit, {AT_TWILIO: _to("/there"), there: _picture()})
    await carrier.fetch_media(InboundMedia(url=AT_TWILIO), max_bytes=1_000)
    assert hops.asked == [(AT_TWILIO, True), (there, True)]


@pytest.mark.parametrize(
    "url",
    [
        "http://api.twilio.com/x",
        "https://api.twilio.com.example.com/x",
        "https://twilio.com.example.com/x",
        "https://faketwilio.com/x",
        "https://api.twilio.com:8443/x",
        "https://api.twilio.com@example.com/x",
        "file:///etc/passwd",
        "https://169.254.169.254/latest",
    ],
)
async def test_what_is_not_at_twilio_is_not_fetched(kit: Kit, url: str) -> None:
    """A forged or misread URL leads nowhere."""
    carrier, hops = _at_twilio(kit, {})
    with pytest.raises(MidcallError, match="not at Twilio"):
        await carrier.fetch_media(InboundMedia(url=url), max_bytes=1_000)
    assert hops.asked == []


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/latest", "http://api.twilio.com/x", "ftp://example.com/x"]
)
async def test_a_redirect_without_https_is_not_followed(kit: Kit, target: str) -> None:
    """Not to plain HTTP, and not into the local network by it."""
    carrier, hops = _at_twilio(kit, {AT_TWILIO: _to(target)})
    with pytest.raises(MidcallError, match="https"):
        await carrier.fetch_media(InboundMedia(url=AT_TWILIO), max_bytes=1_000)
    assert len(hops.asked) == 1


async def test_endless_redirects_end(kit: Kit) -> None:
    """Three hops are plenty."""
    carrier, hops = _at_twilio(kit, {AT_TWILIO: _to(AT_TWILIO)})
    with pytest.raises(MidcallError, match="redirected"):
        await carrier.fetch_media(InboundMedia(url=AT_TWILIO), max_bytes=1_000)
    assert len(hops.asked) == 4


async def test_with_a_base_url_twilios_attachments_are_asked_for_there(
    server: RawServer, twilio: Twilio
) -> None:
    """`base_url` is where everything goes, attachments as well; the type Twilio told stands in for a missing one."""

    async def answer(seen: Seen, connection: Connection) -> None:
        assert "authorization" in seen.headers
        assert seen.path == "/2010-04-01/Accounts/AC/Messages/MM/Media/ME"
        await connection.reply(200, PICTURE, Content_Type="image/gif")

    server.script = answer
    media = await twilio.fetch_media(InboundMedia(url=AT_TWILIO), max_bytes=1_000)
    assert media.content == PICTURE
    assert len(server.seen) == 1


async def test_an_attachment_that_is_too_large_is_an_error(server: RawServer, twilio: Twilio) -> None:
    """The bytes are counted as they come."""

    async def answer(_seen: Seen, connection: Connection) -> None:
        await connection.reply(200, b"x" * 2_000)

    server.script = answer
    with pytest.raises(MidcallError, match="larger than 1000 bytes"):
        await twilio.fetch_media(InboundMedia(url=server.url + "/m"), max_bytes=1_000)
    media = await twilio.fetch_media(InboundMedia(url=server.url + "/m"), max_bytes=2_000)
    assert len(media.content) == 2_000


@pytest.mark.parametrize("status", [302, 401, 404, 500])
async def test_an_attachment_that_is_not_there_is_an_error(
    server: RawServer, twilio: Twilio, status: int
) -> None:
    """Said with the status, without the address."""

    async def answer(_seen: Seen, connection: Connection) -> None:
        await connection.reply(status)

    server.script = answer
    with pytest.raises(MidcallError, match=str(status)):
        await twilio.fetch_media(InboundMedia(url=server.url + "/m"), max_bytes=1_000)
