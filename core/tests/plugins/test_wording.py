"""What is left of numbers and secrets in words of other people's code."""

from __future__ import annotations

import asyncio
import logging

import pytest

from midcall.plugins.wording import cause, kind_of, masked
from midcall.tasks import Tasks


@pytest.mark.parametrize(
    "words",
    [
        "to +12025550142 failed",
        "to 12025550142 failed",
        "to 2025550142",
        "To=%2B12025550142&From=1",
        "/Lookups/%252B12025550142",
        "to +1 202-555-0142",
        "to +1 (202) 555 0142",
        "to (202) 555-0142",
        "to 202.555.0142",
        "1 202 555 0142",
        "'2025550142'",
        "user_12025550142",
        r"b'\n12025550142'",
    ],
)
def test_a_number_is_masked_however_it_is_written(words: str) -> None:
    """With and without +, percent-encoded, spaced; its last digits may stay."""
    after = masked(words)
    assert "•••0142" in after
    assert "5550142" not in "".join(filter(str.isdigit, after))


@pytest.mark.parametrize(
    "words",
    [
        "0193a5d0-1234-7abc-8def-123456789012",
        "12345678-1234-7123-8123-123456789012",
        "SM12345678901234567890123456789012",
        "at 2026-11-23 20:00:30",
        "192.168.100.200:8080",
        "error 30003, HTTP 429 after 1500 ms",
    ],
)
def test_ids_times_and_codes_stay(words: str) -> None:
    """A log whose ids are gone is of no use."""
    assert masked(words) == words


@pytest.mark.parametrize(
    "words",
    [
        "Authorization: Basic aHVudGVyMg==hunter2",
        "{'Authorization': 'Bearer hunter2hunter2'}",
        "bearer hunter2hunter2",
        "api_key=hunter2",
        "{'auth_token': 'hunter2'}",
        "https://me:hunter2@example.com/?k=hunter2",
    ],
)
def test_credentials_are_masked(words: str) -> None:
    """As HTTP clients and SDKs print them."""
    assert "hunter2" not in masked(words)


class Wordless(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


def test_an_exception_without_words_is_named_all_the_same() -> None:
    """Its `__str__` may itself raise."""
    assert cause(Wordless()).startswith("Wordless")
    assert kind_of(Wordless()) == "Wordless"


@pytest.mark.parametrize("level", [logging.INFO, logging.DEBUG])
async def test_a_failed_task_is_logged_without_numbers(level: int, caplog: pytest.LogCaptureFixture) -> None:
    """The traceback, which holds the words as they are, only for those who ask for it."""

    async def fails() -> None:
        raise ValueError("to 12025550142")

    caplog.set_level(level, logger="midcall")
    tasks = Tasks()
    await asyncio.wait([tasks.start(fails())])
    await asyncio.sleep(0)
    (record,) = caplog.records
    assert "ValueError: to 1202•••0142" in record.getMessage()
    assert bool(record.exc_info) == (level == logging.DEBUG)
