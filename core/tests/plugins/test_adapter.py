"""One account as a plugin: what it refuses before the wire, what it knows of senders, and what a failed send means."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from midcall import (
    Accepted,
    Call,
    Capabilities,
    Carrier,
    CarrierSettings,
    Content,
    Draft,
    Known,
    Needs,
    OutboundMessage,
    Reason,
    Sender,
    SenderCheck,
    SendResult,
    Unknown,
    Verdict,
)
from midcall.plugins import CarrierAdapter, adapter_name
from midcall.plugins.sender_checks import SenderChecks

NUMBER = "+12025550100"
GOOD = SenderCheck(owned=Known.YES, sms=Known.YES, mms=Known.YES, registered=Known.YES)


class Acme(Carrier[CarrierSettings]):
    """A carrier that answers what the test says, which may be an exception to raise or an event to wait for."""

    name: ClassVar[str] = "acme"
    capabilities: ClassVar[Capabilities] = Capabilities(
        mms=True, max_media=2, max_characters=20, check_sender=True
    )

    def __init__(self, *, check: Any = GOOD, result: Any = None) -> None:
        super().__init__("acme", CarrierSettings())
        self.check = check
        self.result = result
        self.checks = 0

    async def send(self, message: OutboundMessage) -> SendResult:
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result  # type: ignore[no-any-return] # a wrong type is what some tests are about

    async def check_sender(self, number: str) -> SenderCheck:
        self.checks += 1
        if isinstance(self.check, asyncio.Event):
            await self.check.wait()
            return GOOD
        if isinstance(self.check, BaseException):
            raise self.check
        return self.check  # type: ignore[no-any-return] # likewise


def adapter_of(carrier: Acme, **options: Any) -> CarrierAdapter:
    """An adapter with short patience."""
    usual: dict[str, Any] = {"name": "acme", "offers_senders": True, "patience_s": 0.05}
    return CarrierAdapter(carrier, **usual | options)


async def verdict_of(adapter: CarrierAdapter, draft: Draft) -> Verdict:
    """The adapter's verdict, awaited if it must be."""
    answer = adapter.midcall_check_eligibility(draft)
    if isinstance(answer, Awaitable):
        answer = await answer
    assert isinstance(answer, Verdict)
    return answer


def message(account: str = "acme") -> OutboundMessage:
    """A text as a carrier is handed it."""
    return OutboundMessage(
        id="m-1", attempt=1, account=account, sender=NUMBER, destination="+12025550142", text="Hi"
    )


def test_the_name_tells_carrier_and_account() -> None:
    """Verdicts and outcomes carry it."""
    assert adapter_name("twilio", "twilio") == "twilio"
    assert adapter_name("twilio", "eu") == "twilio (account eu)"


async def test_drafts_of_other_accounts_are_no_concern(draft: Draft) -> None:
    """It abstains, and its carrier is not asked."""
    carrier = Acme()
    other = replace(draft, sender=Sender(number=NUMBER, account="other"))
    assert adapter_of(carrier).midcall_check_eligibility(other) is None
    assert carrier.checks == 0


@pytest.mark.parametrize(
    ("capabilities", "content", "reason"),
    [
        (
            Capabilities(),
            Content(text="Hi", media=("https://example.com/a.png",)),
            Reason.MEDIA_NOT_SUPPORTED,
        ),
        (
            Acme.capabilities,
            Content(text="Hi", media=("https://example.com/a.png",) * 3),
            Reason.MEDIA_NOT_SUPPORTED,
        ),
        (Acme.capabilities, Content(text="x" * 21), Reason.CONTENT_TOO_LONG),
        (Capabilities(sms=False, mms=True, max_media=1), Content(text="Hi"), Reason.SENDER_NOT_CAPABLE),
    ],
)
async def test_what_a_carrier_cannot_do_is_refused_before_the_wire(
    draft: Draft,
    monkeypatch: pytest.MonkeyPatch,
    capabilities: Capabilities,
    content: Content,
    reason: Reason,
) -> None:
    """Declared, so no lookup is needed; another carrier may, so the denial is of the sender."""
    monkeypatch.setattr(Acme, "capabilities", capabilities)
    carrier = Acme()
    verdict = await verdict_of(adapter_of(carrier), replace(draft, content=content))
    assert (verdict.allowed, verdict.reason, verdict.of_sender) == (False, reason, True)
    assert carrier.checks == 0


@pytest.mark.parametrize(
    "content", [Content(text="x" * 20), Content(text="", media=("https://example.com/a.png",) * 2)]
)
async def test_what_just_fits_is_allowed(draft: Draft, content: Content) -> None:
    """The bounds are inclusive."""
    assert (await verdict_of(adapter_of(Acme()), replace(draft, content=content))).allowed


@pytest.mark.parametrize(
    ("check", "media", "reason", "detail"),
    [
        (replace(GOOD, owned=Known.NO), False, Reason.SENDER_NOT_OWNED, "not this account's"),
        (replace(GOOD, sms=Known.NO), False, Reason.SENDER_NOT_CAPABLE, "cannot send texts"),
        (replace(GOOD, registered=Known.NO), False, Reason.SENDER_NOT_REGISTERED, "not registered"),
        (
            replace(GOOD, registered=Known.NO, reason=Reason.ACCOUNT_PROBLEM, detail="campaign suspended"),
            False,
            Reason.ACCOUNT_PROBLEM,
            "campaign suspended",
        ),
        (replace(GOOD, mms=Known.NO), True, Reason.MEDIA_NOT_SUPPORTED, "cannot send media"),
    ],
)
async def test_what_the_carrier_says_no_to_is_denied(
    draft: Draft, check: SenderCheck, media: bool, reason: Reason, detail: str
) -> None:
    """With the carrier's reason where it gave one, and of the sender only."""
    content = Content(text="Hi", media=("https://example.com/a.png",) if media else ())
    verdict = await verdict_of(adapter_of(Acme(check=check)), replace(draft, content=content))
    assert (verdict.allowed, verdict.reason, verdict.of_sender) == (False, reason, True)
    assert detail in verdict.detail


async def test_a_number_without_mms_may_send_texts(draft: Draft) -> None:
    """The lack matters only to a text with media."""
    assert (await verdict_of(adapter_of(Acme(check=replace(GOOD, mms=Known.NO))), draft)).allowed


async def test_what_the_carrier_cannot_say_is_allowed_and_said(draft: Draft) -> None:
    """Unknown is a legal answer."""
    verdict = await verdict_of(adapter_of(Acme(check=replace(GOOD, registered=Known.UNKNOWN))), draft)
    assert (verdict.allowed, verdict.detail) == (True, "not known of the sender: registration")


async def test_a_carrier_without_lookups_is_not_asked(draft: Draft, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it declares it cannot do is not tried."""
    monkeypatch.setattr(Acme, "capabilities", Capabilities())
    carrier = Acme(check=RuntimeError("not to be asked"))
    assert (await verdict_of(adapter_of(carrier), draft)).allowed
    assert carrier.checks == 0


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        (OSError("token=hunter2"), Reason.PLUGIN_FAILED),
        (SystemExit(1), Reason.PLUGIN_FAILED),
        ("yes", Reason.PLUGIN_FAILED),
        (asyncio.Event(), Reason.PLUGIN_TIMED_OUT),
    ],
    ids=["raises", "exits", "wrong type", "hangs"],
)
async def test_a_lookup_that_fails_is_what_the_account_says_it_is(
    draft: Draft, caplog: pytest.LogCaptureFixture, check: Any, reason: Reason
) -> None:
    """By default the text goes, with that in its verdict; `unchecked_sender = "deny"` tries the next sender. No secrets."""
    lenient, strict = adapter_of(Acme(check=check)), adapter_of(Acme(check=check), unchecked="deny")
    allowed, denied = await verdict_of(lenient, draft), await verdict_of(strict, draft)
    assert allowed.allowed
    assert "could not be checked" in allowed.detail
    assert (denied.allowed, denied.reason, denied.of_sender) == (False, reason, True)
    assert "hunter2" not in allowed.detail + denied.detail + caplog.text
    assert NUMBER not in caplog.text
    await lenient.aclose()
    await strict.aclose()


async def test_a_primed_number_is_not_looked_up_in_the_turn(draft: Draft) -> None:
    """The verdict is there at once, without a lookup or an await."""
    carrier = Acme()
    adapter = adapter_of(carrier)
    await adapter.prime(NUMBER)
    assert adapter.midcall_check_eligibility(draft) == Verdict.allow()
    assert carrier.checks == 1


async def test_a_slow_lookup_goes_on_for_the_next_turn(draft: Draft) -> None:
    """The turn that began it gives up, or is cancelled; its answer is there for the next one; it was one lookup."""
    slow = asyncio.Event()
    carrier = Acme(check=slow)
    adapter = adapter_of(carrier, unchecked="deny")
    assert not (await verdict_of(adapter, draft)).allowed
    turn = asyncio.create_task(verdict_of(adapter, draft))
    await asyncio.sleep(0)
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    slow.set()
    assert (await verdict_of(adapter, draft)).allowed
    assert carrier.checks == 1


async def test_many_turns_are_one_lookup(draft: Draft) -> None:
    """A number is looked up once at a time."""
    slow = asyncio.Event()
    carrier = Acme(check=slow)
    adapter = adapter_of(carrier, patience_s=20)
    turns = [asyncio.create_task(verdict_of(adapter, draft)) for _ in range(20)]
    await asyncio.sleep(0)
    slow.set()
    assert all(verdict.allowed for verdict in await asyncio.gather(*turns))
    assert carrier.checks == 1


async def test_answers_are_good_for_as_long_as_they_say_and_failures_for_ten_seconds() -> None:
    """The clock decides, and a failure is tried again soon."""
    now = 0.0
    answers: list[SenderCheck | OSError] = [replace(GOOD, good_for_s=100), OSError("down"), GOOD]

    async def ask(_number: str) -> SenderCheck:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    checks = SenderChecks(ask, whose="acme", clock=lambda: now)
    assert (await checks.look_up(NUMBER)).check == replace(GOOD, good_for_s=100)
    now = 99.9
    assert checks.remembered(NUMBER) is not None
    now = 100.0
    assert checks.remembered(NUMBER) is None
    assert (await checks.look_up(NUMBER)).check is None
    now = 109.9
    assert (await checks.look_up(NUMBER)).check is None
    now = 110.0
    assert (await checks.look_up(NUMBER)).check == GOOD
    assert answers == []


async def test_a_blocked_sender_is_denied_first(draft: Draft) -> None:
    """What earlier texts have shown of a number is asked before its carrier is."""
    carrier = Acme()
    asked: list[tuple[str, str]] = []

    def blocked(account: str, number: str) -> tuple[Reason, str] | None:
        asked.append((account, number))
        return (Reason.SENDER_NOT_REGISTERED, "refused a minute ago (30034)")

    verdict = await verdict_of(adapter_of(carrier, blocked=blocked), draft)
    assert verdict == Verdict.deny(
        Reason.SENDER_NOT_REGISTERED, "refused a minute ago (30034)", of_sender=True
    )
    assert (asked, carrier.checks) == ([("acme", NUMBER)], 0)
    assert (await verdict_of(adapter_of(carrier, blocked=lambda _account, _number: None), draft)).allowed


async def offered(adapter: CarrierAdapter, call: Call, needs: Needs) -> Any:
    """What the adapter offers to send from."""
    answer = adapter.midcall_resolve_sender(call, needs)
    return await answer if answer is not None else None


@pytest.mark.parametrize("owned", list(Known))
async def test_only_an_owned_number_is_offered(call: Call, owned: Known) -> None:
    """Unknown is not yes: a number may be sent from only one account, and guessing would try them all."""
    answer = await offered(adapter_of(Acme(check=replace(GOOD, owned=owned))), call, Needs())
    assert answer == ((Sender(number=NUMBER, account="acme"),) if owned is Known.YES else None)


@pytest.mark.parametrize(
    ("agent_number", "needs", "offers"),
    [
        (None, Needs(), True),
        ("anonymous", Needs(), True),
        (NUMBER, Needs(pool=True), True),
        (NUMBER, Needs(), False),
    ],
)
async def test_nothing_is_offered_without_a_question_whose_the_number_is(
    call: Call, agent_number: str | None, needs: Needs, offers: bool
) -> None:
    """No number, the pool's number, or a single account: the carrier is not asked."""
    carrier = Acme()
    adapter = adapter_of(carrier, offers_senders=offers)
    assert await offered(adapter, replace(call, agent_number=agent_number), needs) is None
    assert carrier.checks == 0


async def test_a_carriers_answer_is_passed_on() -> None:
    """One of the four results goes through untouched."""
    assert await adapter_of(Acme(result=Accepted("SM1"))).midcall_send_message(message()) == Accepted("SM1")


@pytest.mark.parametrize(
    "raised", [OSError("Authorization: hunter2"), SystemExit("hunter2"), NotImplementedError("hunter2")]
)
async def test_a_send_that_raises_is_unknown_and_tells_no_secret(
    raised: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """The class of the exception and nothing of its words, in the result and in the log."""
    result = await adapter_of(Acme(result=raised)).midcall_send_message(message())
    assert result == Unknown(detail=f"acme raised {type(raised).__name__}")
    assert type(raised).__name__ in caplog.text
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize("answer", [None, True, "SM1", {"sid": "SM1"}])
async def test_a_send_that_answers_something_else_is_unknown(answer: object) -> None:
    """The text may have left: it is not sent again."""
    assert isinstance(await adapter_of(Acme(result=answer)).midcall_send_message(message()), Unknown)


async def test_a_cancelled_send_is_cancelled() -> None:
    """Cancellation is the caller's, and is not turned into a result."""
    with pytest.raises(asyncio.CancelledError):
        await adapter_of(Acme(result=asyncio.CancelledError())).midcall_send_message(message())


async def test_another_accounts_text_is_not_sent() -> None:
    """Even if asked by mistake."""
    carrier = Acme(result=Accepted("SM1"))
    assert await adapter_of(carrier).midcall_send_message(message("other")) is None
