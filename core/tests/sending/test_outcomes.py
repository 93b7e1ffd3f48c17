"""What the agent is told, status by status."""

from __future__ import annotations

from core.tests.sending.deployment import AGENT, SENT_TEXT, USER, Deployment
from midcall import MessageState, Reason, Status


async def test_an_accepted_text(deployment: Deployment) -> None:
    """One request leaves, with the tool's text and our id; the agent hears "on its way", and the ledger has it all."""
    outcome = await deployment.send()
    assert (outcome.status, outcome.reason, outcome.duplicate) == (Status.ACCEPTED, None, False)
    assert (outcome.say, outcome.segments, outcome.speak) == ("The text is on its way to you.", 1, True)
    (sent,) = deployment.carrier.sent
    assert (sent.id, sent.attempt) == (outcome.message_id, 1)
    assert (sent.sender, sent.destination, sent.text) == (AGENT, USER, SENT_TEXT)
