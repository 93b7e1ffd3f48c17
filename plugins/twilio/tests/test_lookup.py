"""Finding a text whose outcome is unknown: exact, unique, and in doubt nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest

from midcall.contract.messages import Message, MessageState
from midcall.contract.webhooks import Absent, CannotTell, Found
from midcall_twilio.lookup import MOST, TRIAL_PREFIX

if TYPE_CHECKING:
    from midcall_twilio import Twilio
    from plugins.twilio.tests.conftest import Connection, Kit, RawServer, Seen

SINCE = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)


def _message(kit: Kit, **changes: Any) -> Message:
    values: dict[str, Any] = {
        "id": "0190a1b2",
        "platform": "retell",
        "call_id": "c1",
        "tool": "send_sms",
        "tool_call_id": "t1",
        "state": MessageState.UNKNOWN,
        "account": "twilio",
        "sender": kit.OURS,
        "destination": kit.CALLER,
        "text": "Your link: https://example.com/b",
        "media": (),
        "encoding": "gsm-7",
        "segments": 1,
        "reason": None,
        "detail": "",
        "plugin": "",
        "carrier_id": None,
        "carrier_code": None,
        "attempts": 1,
        "verdicts": (),
        "validity_s": 600,
        "created_at": SINCE,
        "updated_at": SINCE,
        **changes,
    }
    return Message(**values)


class Archive:
    """Twilio's list of texts, newest first, in pages."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self.texts: list[dict[str, object]] = []

    def add(self, body: str, *, after: float = 1.0, **changes: object) -> None:
        created = format_datetime(SINCE + timedelta(seconds=after))
        # As Twilio gives a queued text: it has no date_sent, so a filter by DateSent would miss it.
        values = {
            "sid": f"SM{len(self.texts):032x}",
            "body": body,
            "date_created": created,
            "date_sent": None,
        }
        self.texts.append(self._kit.message_json(**values, **changes))

    async def __call__(self, seen: Seen, connection: Connection) -> None:
        assert seen.method == "GET"
        assert seen.query["To"] == [self._kit.CALLER]
        assert seen.query["From"] == [self._kit.OURS]
        assert not any(name.startswith("DateSent") for name in seen.query)
        size, page = int(seen.query["PageSize"][0]), int(seen.query.get("Page", ["0"])[0])
        shown = self.texts[page * size : (page + 1) * size]
        more = (page + 1) * size < len(self.texts)
        link = f"{seen.path}?To=%2B{self._kit.CALLER[1:]}&From=%2B{self._kit.OURS[1:]}&PageSize={size}&Page={page + 1}"
        await connection.reply(
            200, {"messages": shown, "page": page, "page_size": size, "next_page_uri": link if more else None}
        )


@pytest.fixture
def archive(server: RawServer, kit: Kit) -> Archive:
    """An empty archive that the server answers from."""
    made = Archive(kit)
    server.script = made
    return made


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("queued", MessageState.ACCEPTED),
        ("sent", MessageState.SENT),
        ("delivered", MessageState.DELIVERED),
        ("failed", MessageState.UNDELIVERED),
    ],
)
async def test_the_one_text_with_these_words_is_found(
    archive: Archive, twilio: Twilio, kit: Kit, status: str, state: MessageState
) -> None:
    """Same numbers, same words, created since: with its id and where it is now."""
    message = _message(kit)
    archive.add("something else")
    archive.add(message.text, status=status)
    archive.add(message.text, after=-3600)
    found = await twilio.find_sent(message, since=SINCE)
    assert found == Found("SM" + f"{1:032x}", state)


async def test_nothing_like_it_is_absent(archive: Archive, twilio: Twilio, kit: Kit) -> None:
    """Everything since then was seen, and it was not there: other texts and older ones do not count."""
    assert await twilio.find_sent(_message(kit), since=SINCE) == Absent()
    archive.add("another text")
    archive.add(_message(kit).text, after=-60)
    assert await twilio.find_sent(_message(kit), since=SINCE) == Absent()


async def test_two_such_texts_cannot_be_told_apart(archive: Archive, twilio: Twilio, kit: Kit) -> None:
    """One of them may be somebody else's."""
    archive.add(_message(kit).text)
    archive.add(_message(kit).text)
    assert isinstance(await twilio.find_sent(_message(kit), since=SINCE), CannotTell)


async def test_words_that_twilio_may_have_changed_are_doubtful(
    archive: Archive, twilio: Twilio, kit: Kit
) -> None:
    """A Messaging Service replaces typographic characters: that is not absence."""
    archive.add("It's here - https://example.com/b")
    message = _message(kit, text="It’s here — https://example.com/b")
    assert isinstance(await twilio.find_sent(message, since=SINCE), CannotTell)


async def test_a_trial_accounts_prefix_does_not_hide_a_text(
    archive: Archive, twilio: Twilio, kit: Kit
) -> None:
    """Trial accounts' texts are stored with Twilio's words before ours."""
    archive.add(TRIAL_PREFIX + _message(kit).text)
    assert isinstance(await twilio.find_sent(_message(kit), since=SINCE), Found)


async def test_the_number_of_attachments_has_to_fit(archive: Archive, twilio: Twilio, kit: Kit) -> None:
    """The same words with a picture are another message."""
    archive.add(_message(kit).text, num_media="1")
    assert not isinstance(await twilio.find_sent(_message(kit), since=SINCE), Found)
    with_media = _message(kit, media=("https://example.com/a.png",))
    assert isinstance(await twilio.find_sent(with_media, since=SINCE), Found)


async def test_a_long_history_is_read_only_so_far(
    archive: Archive, twilio: Twilio, kit: Kit, server: RawServer
) -> None:
    """Bounded: when the list goes back beyond `since` in order that is enough, otherwise it cannot be told."""
    for number in range(MOST + 100):
        archive.add(f"text {number}", after=-10.0 - number)
    assert await twilio.find_sent(_message(kit), since=SINCE) == Absent()
    assert len(server.seen) == MOST // 100
    archive.texts.reverse()
    assert isinstance(await twilio.find_sent(_message(kit), since=SINCE), CannotTell)
    archive.texts.clear()
    for number in range(MOST + 100):
        archive.add(f"text {number}", after=10.0)
    assert isinstance(await twilio.find_sent(_message(kit), since=SINCE), CannotTell)


@pytest.mark.parametrize("date", [None, "yesterday"])
async def test_a_text_without_a_date_cannot_be_placed(
    archive: Archive, twilio: Twilio, kit: Kit, date: str | None
) -> None:
    """Neither since nor before: no answer is made of it."""
    archive.add(_message(kit).text)
    archive.texts[0]["date_created"] = date
    assert isinstance(await twilio.find_sent(_message(kit), since=SINCE), CannotTell)


@pytest.mark.parametrize("status", [401, 429, 500])
async def test_when_twilio_cannot_be_asked_it_cannot_be_told(
    server: RawServer, twilio: Twilio, kit: Kit, status: int
) -> None:
    """A failed look-up is not absence."""

    async def fail(_seen: Seen, connection: Connection) -> None:
        await connection.reply(status)

    server.script = fail
    answer = await twilio.find_sent(_message(kit), since=SINCE)
    assert isinstance(answer, CannotTell)
    assert str(status) in answer.detail


@pytest.mark.parametrize("changes", [{"sender": None}, {"destination": None}, {"sender": "MG" + "0" * 32}])
async def test_without_both_numbers_nothing_is_asked(
    archive: Archive, twilio: Twilio, kit: Kit, server: RawServer, changes: dict[str, Any]
) -> None:
    """A service chose the number: it is not known here."""
    assert isinstance(await twilio.find_sent(_message(kit, **changes), since=SINCE), CannotTell)
    assert not server.seen
