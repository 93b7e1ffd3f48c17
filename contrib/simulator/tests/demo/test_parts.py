"""The demo's parts, each alone: what is counted, the order of the timeline, the public address, the server's environment."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import ClientSession, web

from midcall_simulator.demo.checks import Check, Report, SceneReport, disagreements
from midcall_simulator.demo.front_door import FrontDoor
from midcall_simulator.demo.screen import RichScreen
from midcall_simulator.demo.server_process import environment
from midcall_simulator.demo.timeline import FAST, Event, Form, Timeline, Who
from midcall_simulator.memory import Text


def text(message: str, status: str = "delivered", *, to: str = "+12025550142", body: str = "hello") -> Text:
    """A text the carrier took for a message."""
    return Text(
        carrier="twilio",
        sid="SM1",
        account="AC1",
        to=to,
        from_="+12025550100",
        body=body,
        status=status,
        callback_url=f"https://sms.example.com/carriers/twilio/status?m={message}&a=1",
    )


DELIVERED = {"id": "m1", "state": "delivered"}


@pytest.mark.parametrize(
    ("message", "texts", "expected"),
    [
        (DELIVERED, [text("m1")], ""),
        ({"id": "m1", "state": "undelivered"}, [text("m1", "undelivered")], ""),
        ({"id": "m1", "state": "rejected"}, [], ""),
        (DELIVERED, [], "message m1 is delivered, and the carrier took 0 texts for it"),
        (DELIVERED, [text("m1"), text("m1", body="x")], "message m1 is delivered, and the carrier took 2 texts for it"),
        ({"id": "m1", "state": "rejected"}, [text("m1")], "message m1 is rejected, and the carrier took 1 texts for it"),
        ({"id": "m1", "state": "accepted"}, [text("m1")], "message m1 is accepted, and its text delivered"),
        ({"id": "m1", "state": "unknown"}, [text("m1")], "message m1 is still unknown"),
        (DELIVERED, [text("m1"), text("m2", body="x")], "a text to +1202•••0142 that no message accounts for"),
        (DELIVERED, [text("m1"), text("m1")], "+1202•••0142 has the same text 2 times"),
    ],
)  # fmt: skip  # one case a line
def test_the_ledger_against_the_carrier(message: dict[str, str], texts: list[Text], expected: str) -> None:
    """Each message that left has one text with its state, each other none, and no text is without a message."""
    found = disagreements([message], texts)
    assert any(expected in sentence for sentence in found) if expected else found == []


def test_a_check_may_allow_two_answers() -> None:
    """ "this or that" allows both and nothing else."""
    assert Check(what="status", expected="accepted or pending", seen="pending").ok
    assert not Check(what="status", expected="accepted or pending", seen="or").ok


def test_a_report_is_good_only_when_all_of_it_is() -> None:
    """A failure, a scene that was not played, a count, a check and the ledger each spoil the verdict."""

    def report() -> Report:
        return Report(scenes=[SceneReport(title="one", requests_expected=0, texts_expected=0, played=True)])

    spoilt = [report() for _ in range(5)]
    spoilt[0].failure = "it broke"
    spoilt[1].scenes[0].played = False
    spoilt[2].scenes[0].texts_seen = 1
    spoilt[3].scenes[0].checks.append(Check(what="status", expected="accepted", seen="rejected"))
    spoilt[4].ledger = ["message m1 is still unknown"]
    assert report().ok
    assert [one.ok for one in spoilt] == [False] * 5
    assert all(one.problems and one.problems[0] in one.verdict for one in spoilt)


class Remembering:
    """A screen that keeps what it was shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, float]] = []

    def scene(self, number: int, title: str, about: str) -> None:
        self.shown.append((title, number))

    def event(self, event: Event, *, ms: float) -> None:
        self.shown.append((event.words, ms))


async def test_events_are_shown_in_the_order_they_happened() -> None:
    """Not in the order they were told, whoever tells them; times count from the scene's beginning."""
    screen, now = Remembering(), datetime.now(UTC) + timedelta(seconds=1)
    told = [Event(at=now + timedelta(milliseconds=20), who=Who.TWILIO, words="second")]
    timeline = Timeline(screen, pace=FAST, collect=lambda: [told.pop()] if told else [])
    timeline.begin_scene("a scene", "about it")
    timeline.add(Who.MIDCALL, "third", at=now + timedelta(milliseconds=40), http=200)
    timeline.add(Who.RETELL, "first", at=now)
    await timeline.catch_up()
    assert [words for words, _ in screen.shown] == ["a scene", "first", "second", "third"]
    assert screen.shown[3][1] - screen.shown[1][1] == pytest.approx(40)
    assert [(event["words"], event["scene"]) for event in timeline.as_json()] == [
        ("first", 1),
        ("second", 1),
        ("third", 1),
    ]
    assert timeline.as_json()[2]["http"] == 200


def test_words_are_shown_as_they_are() -> None:
    """Brackets in a text are no markup, and a long text stays inside its bubble."""
    out = io.StringIO()
    words = "[bold]10% off[/bold] " + "https://example.com/" + "a" * 90
    event = Event(
        at=datetime.now(UTC), who=Who.PHONE, words=words, form=Form.TEXT, facts={"to": "+1202•••0142"}
    )
    RichScreen(out).event(event, ms=1.0)
    assert "[bold]10% off[/bold]" in out.getvalue()
    assert max(len(line.rstrip()) for line in out.getvalue().splitlines()) <= 80


def test_the_server_gets_no_real_credentials() -> None:
    """Settings, carriers' variables and proxies of the user's environment stay out; the rest stays in."""
    given = {
        "PATH": "/bin",
        "MIDCALL_CONFIG": "x",
        "TWILIO_AUTH_TOKEN": "x",
        "RETELL_API_KEY": "x",
        "https_proxy": "x",
        "ALL_PROXY": "x",
        "midcall_server__token": "x",
    }
    assert environment(given) == {"PATH": "/bin", "MIDCALL_PLUGINS": "retell,twilio", "PYTHONUTF8": "1"}


@pytest.fixture
async def behind() -> AsyncIterator[tuple[FrontDoor, list[tuple[str, bytes]]]]:
    """A public address with a server behind it that keeps what it gets and answers 204."""
    got: list[tuple[str, bytes]] = []

    async def take(request: web.Request) -> web.Response:
        got.append((request.raw_path, await request.read()))
        return web.Response(status=204)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    door = FrontDoor()
    await door.start()
    door.server_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield door, got
    await door.aclose()
    await runner.cleanup()


async def test_the_public_address_changes_nothing(behind: tuple[FrontDoor, list[tuple[str, bytes]]]) -> None:
    """Path, query and body arrive byte for byte: signatures are over them."""
    door, got = behind
    body = b'{"a": "\xc3\xa9"}\n'
    async with (
        ClientSession() as http,
        http.post(f"{door.url}/platforms/r%20x/events?q=%2B1", data=body) as answer,
    ):
        assert answer.status == 204
    assert got == [("/platforms/r%20x/events?q=%2B1", body)]


async def test_receipts_can_be_held_up(behind: tuple[FrontDoor, list[tuple[str, bytes]]]) -> None:
    """While they are held, a callback waits and everything else passes; afterwards it arrives and is remembered."""
    door, got = behind
    door.hold_receipts()
    form = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    async with ClientSession() as http:
        waiting = asyncio.create_task(http.post(f"{door.url}/carriers/twilio/status?m=m1", data=form))
        async with http.post(f"{door.url}/platforms/retell/events", data=b"{}") as answer:
            assert answer.status == 204
        await asyncio.sleep(0.05)
        assert [path for path, _ in got] == ["/platforms/retell/events"]
        assert door.receipt("SM1", "delivered") is None
        door.let_receipts_through()
        assert (await waiting).status == 204
    seen = door.receipt("SM1", "delivered")
    assert seen is not None
    assert seen.answered == 204


async def test_without_a_server_the_answer_is_502(behind: tuple[FrontDoor, list[tuple[str, bytes]]]) -> None:
    """A caller is told at once, whether there never was a server or it is gone."""
    door, _ = behind
    async with ClientSession() as http:
        for url in (None, "http://127.0.0.1:1"):
            door.server_url = url
            async with http.post(f"{door.url}/platforms/retell/events", data=b"{}") as answer:
                assert answer.status == 502
