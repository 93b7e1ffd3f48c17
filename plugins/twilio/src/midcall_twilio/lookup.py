"""Finding a text whose outcome is unknown among those Twilio has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from midcall import Absent, CannotTell, FindResult, Found, Message, MessageState
from midcall_twilio.sdk import AskingFailed, Exchange, asking, open_client
from midcall_twilio.settings import TwilioSettings
from midcall_twilio.webhooks import STATES
from midcall_twilio.wire import Wire

MOST = 300
"""Texts between two numbers that are looked through, newest first."""

SLACK = timedelta(seconds=5)
"""Twilio writes whole seconds, and two clocks differ a little."""

TRIAL_PREFIX = "Sent from your Twilio trial account - "
"""What Twilio puts before the texts of trial accounts."""


async def find_sent(wire: Wire, config: TwilioSettings, message: Message, *, since: datetime) -> FindResult:
    """Look for one text, by both numbers and its exact words, created at `since` or later.

    Not filtered by DateSent: it is empty while a text is queued, which is just when it is looked for. `Absent` only when
    everything since then was seen.
    """
    if not message.sender or not message.sender.startswith("+") or not message.destination:
        return CannotTell("the text has no sender number or no destination to look for")
    exchange = Exchange(wire, config)
    client = open_client(exchange, config)
    try:
        with asking("which texts it has", exchange):
            texts = await client.messages.list_async(
                to=message.destination, from_=message.sender, limit=MOST, page_size=100
            )
            earliest = since.astimezone(UTC) - SLACK
            recent = [text for text in texts if _created(text) >= earliest]
            exact = [text for text in recent if _is(text, message)]
    except AskingFailed as error:
        return CannotTell(str(error))
    if len(exact) == 1:
        return Found(exact[0].sid, STATES.get(str(exact[0].status), MessageState.ACCEPTED))
    if exact:
        return CannotTell(f"Twilio has {len(exact)} such texts since then")
    if any(_resembles(text, message) for text in recent):
        return CannotTell("Twilio has a text that differs from this one only in spelling (smart encoding?)")
    if len(texts) >= MOST and not _reaches_back(texts, earliest):
        return CannotTell(f"there are more than {MOST} texts between the two numbers")
    return Absent()


def _created(text: Any) -> datetime:
    """When Twilio made it. Raises `ValueError` for an answer without: it cannot be placed before or after."""
    created = text.date_created
    if not isinstance(created, datetime):
        raise ValueError("no date_created")  # noqa: TRY004 - a fault of the answer, like any other unreadable value
    return created if created.tzinfo else created.replace(tzinfo=UTC)


def _is(text: Any, message: Message) -> bool:
    body = text.body or ""
    same_words = body in {message.text, TRIAL_PREFIX + message.text}
    return same_words and int(text.num_media or 0) == len(message.media)


def _resembles(text: Any, message: Message) -> bool:
    """Whether it may be our text after Twilio replaced characters: the same letters and digits."""
    ours, theirs = _letters(message.text), _letters((text.body or "").removeprefix(TRIAL_PREFIX))
    return ours == theirs


def _letters(words: str) -> str:
    return "".join(character for character in words if character.isascii() and character.isalnum()).lower()


def _reaches_back(texts: list[Any], earliest: datetime) -> bool:
    """Whether a cut-off list still shows everything since `earliest`: it runs from new to old, and ends before it."""
    times = [_created(text) for text in texts]
    return times == sorted(times, reverse=True) and times[-1] < earliest
