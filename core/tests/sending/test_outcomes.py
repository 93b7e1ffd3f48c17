"""What the agent is told, and what the ledger keeps of it."""

from __future__ import annotations

from core.tests.sending.deployment import AGENT, SENT_TEXT, USER, Deploy, Deployment
from core.tests.sending.fake_carrier import carrier_id_of
from midcall import MessageState, Reason, Status


async def test_an_accepted_text(deployment: Deployment) -> None:
    """One request leaves, with the tool's text and our id; the agent hears "on its way", never "delivered"."""
    outcome = await deployment.send()
    assert (outcome.status, outcome.reason, outcome.duplicate) == (Status.ACCEPTED, None, False)
    assert (outcome.say, outcome.segments, outcome.speak) == ("The text is on its way to you.", 1, True)
    (sent,) = deployment.carrier.sent
    assert (sent.id, sent.attempt, sent.account) == (outcome.message_id, 1, "acme")
    assert (sent.sender, sent.destination, sent.text) == (AGENT, USER, SENT_TEXT)
    assert sent.validity_s == 600


async def test_the_ledger_keeps_it(deployment: Deployment) -> None:
    """Message, attempt with its exact request, carrier's id and everybody's verdict are there to be looked at."""
    outcome = await deployment.send(id="tool-call-a")
    (sent,) = deployment.carrier.sent
    message = await deployment.message(outcome)
    assert (message.state, message.carrier_id, message.attempts) == (
        MessageState.ACCEPTED,
        carrier_id_of(sent),
        1,
    )
    assert (message.platform, message.call_id, message.tool) == ("voice", "call-1", "send_link")
    assert (message.tool_call_id, message.account, message.text) == ("tool-call-a", "acme", SENT_TEXT)
    assert (message.encoding, message.segments, message.validity_s) == ("GSM-7", 1, 600)
    assert [(verdict.plugin, verdict.allowed) for verdict in message.verdicts] == [
        ("acme", True),
        ("rules", True),
    ]
    (attempt,) = await deployment.ledger.attempts(message.id)
    assert attempt.result == "accepted"
    assert attempt.request["text"] == SENT_TEXT
    assert attempt.request["destination"] == USER
    assert [event.kind for event in await deployment.events(outcome)] == ["claimed", "result"]


async def test_a_refusal_is_kept_as_well(deploy: Deploy) -> None:
    """A text that was never sent is a message too, with its reason, and no attempt."""
    running = await deploy(tool={"links": "none"})
    outcome = await running.send()
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.LINK_NOT_ALLOWED)
    message = await running.message(outcome)
    assert (message.state, message.reason, message.plugin) == (
        MessageState.REJECTED,
        Reason.LINK_NOT_ALLOWED,
        "rules",
    )
    assert (message.text, message.attempts) == (SENT_TEXT, 0)
    assert await running.ledger.attempts(message.id) == ()


async def test_receipts_can_find_the_message(deploy: Deploy) -> None:
    """With a public address every attempt tells the carrier where receipts go, with our id and the attempt in it."""
    running = await deploy(server={"public_url": "https://sms.example.com/"}, accounts={"acme": {}})
    outcome = await running.send()
    (sent,) = running.carrier.sent
    assert sent.status_url == f"https://sms.example.com/carriers/acme/status?m={outcome.message_id}&a=1"


async def test_no_public_address_no_callbacks(deployment: Deployment) -> None:
    """Without one the carrier is given none: an address nobody can reach is worse than none."""
    await deployment.send()
    assert deployment.carrier.sent[0].status_url is None


async def test_the_agent_may_be_asked_not_to_speak(deploy: Deploy) -> None:
    """`speak_after_execution` of the tool is in every outcome."""
    running = await deploy(tool={"speak_after_execution": False})
    assert not (await running.send()).speak


async def test_no_outcome_holds_a_whole_number(deploy: Deploy) -> None:
    """What a refusal says of numbers is masked: outcomes are logged, and read by models."""
    running = await deploy()
    await running.ledger.opt_out(USER, source="person")
    outcome = await running.send()
    assert outcome.reason is Reason.OPTED_OUT
    assert USER not in str(outcome.as_json())
    assert "+1202•••0142" in outcome.detail
