"""Never twice, by text: a model that asks again under a new id, within the window."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.tests.sending.deployment import (
    OTHER_USER,
    SENT_TEXT,
    WRITTEN_BY_MODEL,
    Deploy,
    Deployment,
    a_call,
    texting,
)
from core.tests.sending.fake_carrier import WAIT_S, Held, carrier_id_of, says
from midcall import NotProcessed, Reason, Refused, Scope, Status, Unknown

MANY = {"limits": {"per_call": 100, "per_number": 1_000}}


async def test_a_new_id_with_the_same_text(deployment: Deployment) -> None:
    """It is one text: the second tool call is told the first one's outcome, and that it was sent already."""
    first = await deployment.send(id="a")
    second = await deployment.send(id="b")
    assert (second.status, second.duplicate, second.message_id) == (Status.ACCEPTED, True, first.message_id)
    assert second.say == "I've already sent you that text."
    assert len(deployment.carrier.sent) == 1


async def test_the_second_id_is_remembered(deployment: Deployment) -> None:
    """Once answered so, the second id is a name of the first text, even after the window."""
    clock = deployment.set_clock()
    first = await deployment.send(id="a")
    await deployment.send(id="b")
    clock.advance(3_600)
    again = await deployment.send(id="b")
    assert (again.message_id, again.duplicate) == (first.message_id, True)
    assert len(deployment.carrier.sent) == 1


async def test_many_new_ids_at_once(deployment: Deployment) -> None:
    """However many ids race, one text leaves, and all of them name it."""
    outcomes = await asyncio.gather(*(deployment.send() for _ in range(50)))
    assert [sent.text for sent in deployment.carrier.sent] == [SENT_TEXT]
    assert {outcome.message_id for outcome in outcomes} == {deployment.carrier.sent[0].id}
    assert sum(not outcome.duplicate for outcome in outcomes) == 1


async def test_one_in_flight_holds_the_window(deployment: Deployment) -> None:
    """A new id while the first text is on the wire waits for that one's outcome."""
    held = Held()
    deployment.carrier.will(held)
    first = asyncio.create_task(deployment.send(id="a"))
    await held.has_it()
    second = asyncio.create_task(deployment.send(id="b"))
    await asyncio.wait({second}, timeout=0.05)
    held.release()
    async with asyncio.timeout(WAIT_S):
        outcomes = [await first, await second]
    assert [outcome.status for outcome in outcomes] == [Status.ACCEPTED, Status.ACCEPTED]
    assert len(deployment.carrier.sent) == 1


async def test_the_window_ends(deploy: Deploy) -> None:
    """After `window_s` seconds the same text may be sent again."""
    running = await deploy(tool={**MANY, "window_s": 30})
    clock = running.set_clock()
    await running.send()
    clock.advance(29)
    assert (await running.send()).duplicate
    clock.advance(2)
    assert not (await running.send()).duplicate
    assert len(running.carrier.sent) == 2


async def test_no_window(deploy: Deploy) -> None:
    """`window_s = 0`: only the id tells."""
    running = await deploy(tool={**MANY, "window_s": 0})
    outcomes = [await running.send() for _ in range(3)]
    assert [outcome.duplicate for outcome in outcomes] == [False] * 3


async def test_other_calls_and_other_numbers_have_their_own(deploy: Deploy) -> None:
    """The window is one call's and one destination's: the same text to two people is two texts."""
    running = await deploy(tool={"trust": ["signalling", "argument"]})
    await running.send()
    await running.send(a_call("call-2"))
    await running.send(to=OTHER_USER)
    assert len(running.carrier.sent) == 3


async def test_the_clock_does_not_open_the_window(deploy: Deploy) -> None:
    """A text that holds the time differs by the second, and is still the same text."""
    running = await deploy(
        tool={"sms_content": texting("{{name}}, {{session_duration}}, {{current_time_Asia/Tokyo}}")}
    )
    began = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
    await running.send(a_call(began_at=began))
    second = await running.send(a_call(began_at=began - timedelta(hours=3)))
    assert second.duplicate
    assert len(running.carrier.sent) == 1


async def test_another_value_is_another_text(deploy: Deploy) -> None:
    """A variable that is not the clock's makes another text, so a corrected one gets through."""
    running = await deploy(tool=MANY)
    await running.send(a_call(collected={"name": "Adda"}))
    second = await running.send(a_call(collected={"name": "Ada"}))
    assert (second.status, second.duplicate) == (Status.ACCEPTED, False)
    assert len(running.carrier.sent) == 2


async def test_another_picture_is_another_text(deploy: Deploy) -> None:
    """The same words with another picture are another text; with the same picture they are not."""
    running = await deploy(
        accounts={"picto": {}},
        tool={**MANY, "sms_content": texting("Your map"), "media": ["https://example.com/{{map}}.png"]},
    )
    sent = [await running.send(a_call(variables={"map": name})) for name in ("old", "new", "new")]
    assert [outcome.status for outcome in sent] == [Status.ACCEPTED] * 3
    assert [outcome.duplicate for outcome in sent] == [False, False, True]
    assert [each.media for each in running.account("picto").sent] == [
        ("https://example.com/old.png",),
        ("https://example.com/new.png",),
    ]


async def test_values_are_compared_each_by_itself(deploy: Deploy) -> None:
    """Two texts that read the same once they are put together came from different values; the window knows."""
    running = await deploy(tool={**MANY, "sms_content": texting("{{a}}{{b}}")})
    await running.send(a_call(variables={"a": "x", "b": "yz"}))
    second = await running.send(a_call(variables={"a": "xy", "b": "z"}))
    assert not second.duplicate


async def test_reworded_text_passes_the_window_and_not_the_limit(deploy: Deploy) -> None:
    """The limit per call is the net behind the window."""
    running = await deploy(tool={"sms_content": WRITTEN_BY_MODEL})
    outcomes = [await running.send(message=f"Your link, version {number}") for number in range(5)]
    assert [outcome.status for outcome in outcomes] == [Status.ACCEPTED] * 3 + [Status.REJECTED] * 2
    assert {outcome.reason for outcome in outcomes[3:]} == {Reason.LIMIT_PER_CALL}
    assert len(running.carrier.sent) == 3


# Resend -------------------------------------------------------------------------------------------------------------------


async def test_resend_where_the_tool_allows_it(deploy: Deploy) -> None:
    """`resend: true` sends the same text once more, and the window then belongs to the new one."""
    running = await deploy(tool={"allow_resend": True})
    first = await running.send(id="a")
    second = await running.send(id="b", resend=True)
    third = await running.send(id="c")
    assert (second.status, second.duplicate) == (Status.ACCEPTED, False)
    assert second.message_id != first.message_id
    assert (third.duplicate, third.message_id) == (True, second.message_id)
    assert len(running.carrier.sent) == 2


async def test_resend_is_one_text_per_id(deploy: Deploy) -> None:
    """The key still holds: a repeated tool call that says resend is a repeated tool call."""
    running = await deploy(tool={"allow_resend": True})
    await running.send(id="a")
    outcomes = await asyncio.gather(*(running.send(id="b", resend=True) for _ in range(10)))
    assert len({outcome.message_id for outcome in outcomes}) == 1
    assert len(running.carrier.sent) == 2


async def test_resend_counts(deploy: Deploy) -> None:
    """The way round the window is none round the limits."""
    running = await deploy(tool={"allow_resend": True})
    outcomes = [await running.send(resend=True) for _ in range(4)]
    assert outcomes[3].reason is Reason.LIMIT_PER_CALL
    assert len(running.carrier.sent) == 3


@pytest.mark.parametrize("resend", [False, None])
async def test_resend_must_be_true(deploy: Deploy, resend: bool | None) -> None:
    """False and null are no wish to send again."""
    running = await deploy(tool={"allow_resend": True})
    await running.send()
    assert (await running.send(resend=resend)).duplicate
    assert len(running.carrier.sent) == 1


async def test_resend_where_the_tool_does_not_allow_it(deployment: Deployment) -> None:
    """Nothing is sent a second time."""
    await deployment.send()
    outcome = await deployment.send(resend=True)
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.INVALID_ARGUMENTS)
    assert len(deployment.carrier.sent) == 1


# Released, or not ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "refusal",
    [
        Refused(Reason.CONTENT_FILTERED, Scope.CONTENT),
        Refused(Reason.ACCOUNT_PROBLEM, Scope.ACCOUNT),
        NotProcessed(retry_after=3_600),
    ],
)
async def test_a_rejection_releases_the_window(deployment: Deployment, refusal: object) -> None:
    """What was certainly not sent may be asked for again at once."""
    deployment.carrier.will(says(refusal))
    assert (await deployment.send()).status is Status.REJECTED
    second = await deployment.send()
    assert (second.status, second.duplicate) == (Status.ACCEPTED, False)
    assert len(deployment.carrier.sent) == 2


async def test_an_undelivered_text_releases_the_window(deployment: Deployment) -> None:
    """What did not arrive may be asked for again at once."""
    await deployment.send()
    await deployment.receipt(state="undelivered", carrier_id=carrier_id_of(deployment.carrier.sent[0]))
    second = await deployment.send()
    assert (second.status, second.duplicate) == (Status.ACCEPTED, False)


async def test_a_text_in_doubt_keeps_the_window(deployment: Deployment) -> None:
    """What may have been sent is not sent again because a model asks under a new id."""
    deployment.carrier.will(says(Unknown("the connection was reset")))
    assert (await deployment.send()).status is Status.UNKNOWN
    second = await deployment.send()
    assert (second.status, second.duplicate, second.reason) == (Status.UNKNOWN, True, Reason.CARRIER_SILENT)
    assert len(deployment.carrier.sent) == 1


async def test_a_transformed_text_is_known_by_what_was_rendered(deploy: Deploy) -> None:
    """A plugin that makes every text different (a short link of its own) does not open the window."""
    from midcall import Content, Draft, hookimpl

    class Shortener:
        made = 0

        @hookimpl
        async def midcall_transform_content(self, draft: Draft) -> Content:
            self.made += 1
            return replace(draft.content, text=f"https://s.example/{self.made}")

    running = await deploy(policies={"shortener": Shortener()})
    await running.send()
    assert (await running.send()).duplicate
    assert [sent.text for sent in running.carrier.sent] == ["https://s.example/1"]


@pytest.mark.parametrize("in_doubt", ["on the wire", "unknown"])
async def test_a_text_in_doubt_keeps_its_window(deploy: Deploy, in_doubt: str) -> None:
    """While nobody knows whether it left, the same text again would be a resend, however much later."""
    running = await deploy(tool=MANY | {"budget_ms": 200, "window_s": 2})
    clock = running.set_clock()
    held = Held()
    running.carrier.will(held if in_doubt == "on the wire" else says(Unknown("reset")))
    first = await running.send(id="a")
    clock.advance(10)
    second = await running.send(id="b")
    assert (second.message_id, second.duplicate) == (first.message_id, True)
    assert len(running.carrier.sent) == 1
    held.release()


async def test_one_in_flight_is_not_called_sent(deploy: Deploy) -> None:
    """The words for a text that is asked for twice while it is on the wire promise nothing."""
    running = await deploy(tool={"budget_ms": 200})
    held = Held()
    running.carrier.will(held)
    await running.send(id="a")
    again = await running.send(id="a")
    assert (again.status, again.duplicate, again.say) == (Status.PENDING, True, "I'm sending the text now.")
    held.release()
