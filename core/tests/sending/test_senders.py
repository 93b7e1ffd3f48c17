"""Step 4: which number a text leaves from, and what happens when that one may not."""

from __future__ import annotations

from core.tests.sending.deployment import AGENT, Deploy, Deployment, a_call, texting
from midcall import Known, Needs, Reason, Sender, SenderCheck, Status, hookimpl

FALLBACK = "+12025550101"
TEMPLATES = {"link": "Hello {{name}}, see https://example.com/b"}
FROM_TEMPLATE = {"sms_content": {"type": "template", "template": "link"}}
TWO_ACCOUNTS = {"acme": {}, "eu": {"carrier": "acme"}}
OURS = SenderCheck(owned=Known.YES)
NOT_OURS = SenderCheck(owned=Known.NO)
UNREGISTERED = SenderCheck(owned=Known.YES, sms=Known.YES, registered=Known.NO)


async def test_no_agent_number_no_sender(deployment: Deployment) -> None:
    """A call on no number of ours has nothing to send from."""
    outcome = await deployment.send(a_call(agent_number=None, user_number="+12025550142"))
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.NO_SENDER)
    assert "no agent number" in outcome.detail


async def test_the_pool_without_a_pool_plugin(deploy: Deploy) -> None:
    """Retell's pool can only be offered by a plugin; without one the refusal says what to use instead."""
    running = await deploy(tool={"sms_sender": {"type": "retell_long_code"}})
    outcome = await running.send()
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.NO_SENDER)
    assert "current_number" in outcome.detail
    assert running.carrier.sent == []


async def test_the_pool_with_a_pool_plugin(deploy: Deploy) -> None:
    """Only a tool that asks for the pool is offered it, and the agent's number is not."""

    class PoolPlugin:
        @hookimpl
        async def midcall_resolve_sender(self, needs: Needs) -> list[Sender] | None:
            return [Sender(number="+12025550177", account="acme")] if needs.pool else None

    running = await deploy(
        tool={"sms_sender": {"type": "retell_long_code"}},
        tools={"plain": {"sms_content": texting("Hi"), "budget_ms": 20_000}},
        policies={"pool": PoolPlugin()},
    )
    await running.send()
    await running.send(tool="plain")
    assert [sent.sender for sent in running.carrier.sent] == ["+12025550177", AGENT]


async def test_a_listed_number_goes_through_its_account(deploy: Deploy) -> None:
    """With several accounts `[numbers]` decides, whatever the accounts say."""
    running = await deploy(accounts=TWO_ACCOUNTS, numbers={AGENT: {"account": "eu"}})
    assert (await running.send()).status is Status.ACCEPTED
    assert len(running.account("eu").sent) == 1
    assert running.carrier.sent == []


async def test_an_unlisted_number_belongs_to_the_account_that_owns_it(deploy: Deploy) -> None:
    """With several accounts the one whose carrier says so sends, and asks its carrier once."""
    running = await deploy(accounts=TWO_ACCOUNTS)
    running.carrier.checks[AGENT] = NOT_OURS
    running.account("eu").checks[AGENT] = OURS
    for number in range(3):
        outcome = await running.send(a_call(f"call-{number}"))
        assert outcome.status is Status.ACCEPTED
    assert len(running.account("eu").sent) == 3
    assert running.carrier.sent == []
    assert running.account("eu").checked == [AGENT]


async def test_a_number_nobody_owns(deploy: Deploy) -> None:
    """With several accounts, and none that owns the number, nothing is guessed."""
    running = await deploy(accounts=TWO_ACCOUNTS)
    for account in TWO_ACCOUNTS:
        running.account(account).checks[AGENT] = NOT_OURS
    outcome = await running.send()
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.NO_SENDER)
    assert "[numbers]" in outcome.detail
    assert running.carrier.sent == running.account("eu").sent == []


async def test_an_unregistered_sender_is_passed_over(deploy: Deploy) -> None:
    """A denial that concerns only the sender moves on to its fallback; both verdicts are kept."""
    running = await deploy(numbers={AGENT: {"account": "acme", "fallback": [FALLBACK]}})
    running.carrier.checks[AGENT] = UNREGISTERED
    outcome = await running.send()
    assert (outcome.status, outcome.reason) == (Status.ACCEPTED, None)
    assert [sent.sender for sent in running.carrier.sent] == [FALLBACK]
    verdicts = (await running.message(outcome)).verdicts
    assert [verdict.reason for verdict in verdicts if not verdict.allowed] == [Reason.SENDER_NOT_REGISTERED]


async def test_every_sender_unregistered(deploy: Deploy) -> None:
    """When no candidate is left the last one's reason is told, and who said so."""
    running = await deploy(numbers={AGENT: {"account": "acme", "fallback": [FALLBACK]}})
    running.carrier.usual_check = UNREGISTERED
    outcome = await running.send()
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.SENDER_NOT_REGISTERED)
    assert outcome.plugin == "acme"
    assert running.carrier.sent == []


async def test_a_fallback_of_another_account(deploy: Deploy) -> None:
    """A fallback leaves through the account it is listed under."""
    running = await deploy(
        accounts=TWO_ACCOUNTS,
        numbers={AGENT: {"account": "acme", "fallback": [FALLBACK]}, FALLBACK: {"account": "eu"}},
    )
    running.carrier.checks[AGENT] = UNREGISTERED
    assert (await running.send()).status is Status.ACCEPTED
    assert [sent.sender for sent in running.account("eu").sent] == [FALLBACK]


async def test_a_fallback_at_home_where_the_recipient_is(deploy: Deploy) -> None:
    """The default country is each candidate's own, so a sender abroad is passed over."""
    canadian = "+14165550100"
    running = await deploy(numbers={canadian: {"account": "acme", "fallback": [AGENT]}})
    outcome = await running.send(a_call(agent_number=canadian))
    assert (
        outcome.reason is Reason.COUNTRY_NOT_ALLOWED
    )  # the destination is judged by the call's own number first
    running = await deploy(numbers={AGENT: {"account": "acme", "fallback": [canadian]}}, ledger="other.db")
    running.carrier.checks[AGENT] = UNREGISTERED
    outcome = await running.send()
    assert outcome.reason is Reason.COUNTRY_NOT_ALLOWED
    assert running.carrier.sent == []


async def test_a_pool_that_takes_templates_only(deploy: Deploy) -> None:
    """A text written freely cannot leave from it, one made from a template can."""
    running = await deploy(
        numbers={AGENT: {"account": "acme", "fallback": ["pool:frontdesk"]}},
        pools={"frontdesk": {"numbers": [FALLBACK, "+12025550102"], "content": "template"}},
        templates=TEMPLATES,
        tools={"from_template": {**FROM_TEMPLATE, "budget_ms": 20_000}},
    )
    running.carrier.checks[AGENT] = UNREGISTERED
    outcome = await running.send()
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.CONTENT_NOT_ALLOWED)
    assert running.carrier.sent == []
    outcome = await running.send(tool="from_template")
    assert outcome.status is Status.ACCEPTED
    assert [(sent.sender, sent.text) for sent in running.carrier.sent] == [
        (FALLBACK, "Hello Ada, see https://example.com/b")
    ]


async def test_a_carrier_that_carries_no_media(deploy: Deploy) -> None:
    """What a carrier cannot do is refused before the wire, never left out."""
    running = await deploy(tool={"media": ["https://example.com/map.png"]})
    outcome = await running.send()
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.MEDIA_NOT_SUPPORTED)
    assert running.carrier.sent == []


async def test_a_carrier_of_media_is_tried_next(deploy: Deploy) -> None:
    """Another sender may carry what the first cannot."""
    running = await deploy(
        accounts={"acme": {}, "picto": {}},
        numbers={AGENT: {"account": "acme", "fallback": [FALLBACK]}, FALLBACK: {"account": "picto"}},
        tool={"media": ["https://example.com/{{name}}.png"]},
    )
    assert (await running.send()).status is Status.ACCEPTED
    (sent,) = running.account("picto").sent
    assert (sent.sender, sent.media) == (FALLBACK, ("https://example.com/Ada.png",))


async def test_segments_are_counted_with_the_senders_alphabet(deploy: Deploy) -> None:
    """The same text costs more where the carrier's alphabet lacks a character."""
    tool = {"sms_content": texting("Ç" * 100)}
    running = await deploy(
        accounts={"acme": {}, "picto": {}}, numbers={AGENT: {"account": "acme"}}, tool=tool
    )
    assert (await running.send()).segments == 1
    running = await deploy(
        accounts={"acme": {}, "picto": {}},
        numbers={AGENT: {"account": "picto"}},
        tool=tool,
        ledger="other.db",
    )
    assert (await running.send()).segments == 2
