from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest

from midcall import Accepted, LedgerError, MessageState, Reason, Refused, Scope, Unknown, Verdict
from midcall.ledger import Denied, Ledger, Lost, NewMessage, Slot, Won

SLOT = Slot(key="call-1/+12025550142/hash", seconds=60)


async def test_a_won_claim_is_written_whole(ledger: Ledger, claim_of: Any, clock: Any) -> None:
    """Message, attempt with the exact request, and event are there, and read back as they went in."""
    verdict = Verdict(allowed=True, detail="fine", plugin="hours")
    request = claim_of(
        message={"media": ("https://example.com/a.png",), "verdicts": (verdict,), "validity_s": 600}
    )
    answer = await ledger.claim(request)
    assert isinstance(answer, Won)
    assert answer.message.state is MessageState.SENDING
    assert answer.message.verdicts == (verdict,)
    assert answer.message.created_at == clock.now
    assert await ledger.message(request.message.id) == answer.message
    (attempt,) = await ledger.attempts(request.message.id)
    assert (attempt.n, attempt.request, attempt.ended_at) == (1, {"To": "+12025550142"}, None)
    assert [event.kind for event in await ledger.events(request.message.id)] == ["claimed"]


async def test_each_key_is_won_once_in_one_process(ledger: Ledger, claim_of: Any) -> None:
    """500 tool calls, each told three times at once: 500 are sent, and the others learn of those."""
    answers = await asyncio.gather(*(ledger.claim(claim_of(f"key-{n % 500}")) for n in range(1_500)))
    won = {answer.message.id for answer in answers if isinstance(answer, Won)}
    lost = [answer for answer in answers if isinstance(answer, Lost)]
    assert len(won) == 500
    assert len(lost) == 1_000
    assert {answer.message.id for answer in lost} == won
    assert {answer.by for answer in lost} == {"key"}


RACER = """
import asyncio, sys
from midcall.ledger import ClaimRequest, Ledger, NewMessage, Won

async def main() -> None:
    ledger = await Ledger.open(sys.argv[1], busy_timeout_s=20)
    print("ready", flush=True)
    sys.stdin.readline()
    async def claim(n):
        message = NewMessage(platform="retell", call_id="call-1", tool="send_link")
        return n, await ledger.claim(ClaimRequest(message=message, key=f"key-{n}"))
    answers = await asyncio.gather(*(claim(n) for n in range(300)))
    print(*(n for n, answer in answers if isinstance(answer, Won)))
    await ledger.aclose()

asyncio.run(main())
"""


def test_each_key_is_won_once_among_processes(url: str) -> None:
    """Two processes race for the same 300 keys on one file, which both of them open at once."""
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    try:
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        won = [{*racer.communicate(timeout=50)[0].split()} for racer in racers]
    finally:
        for racer in racers:
            racer.kill()
            racer.communicate()
    assert won[0] | won[1] == {str(n) for n in range(300)}
    assert not won[0] & won[1]


async def test_other_arguments_answer_the_first_outcome(ledger: Ledger, won: Any, claim_of: Any) -> None:
    """The same id with other arguments never sends; the loser is told that they differ."""
    first = await won()
    assert await ledger.claim(claim_of(arguments_hash="b2")) == Lost(first, "key", same_arguments=False)
    assert await ledger.claim(claim_of()) == Lost(first, "key", same_arguments=True)
    assert await ledger.answered("key") == Lost(first, "key", same_arguments=True)
    assert await ledger.answered("key", arguments_hash="b2") == Lost(first, "key", same_arguments=False)
    assert await ledger.answered("another") is None


async def test_a_replay_learns_the_current_state(ledger: Ledger, won: Any, claim_of: Any) -> None:
    """A replay is not told what was true at the claim but what is true now."""
    first = await won()
    await ledger.record_result(first.id, n=1, result=Accepted("SM1"))
    lost = await ledger.claim(claim_of())
    assert isinstance(lost, Lost)
    assert lost.message.state is MessageState.ACCEPTED


async def test_a_derived_key_expires(ledger: Ledger, won: Any, claim_of: Any, clock: Any) -> None:
    """A key with seconds is held just so long; then an honest second text is possible. A platform's key never expires."""
    first = await won(key_seconds=60.0)
    await won("kept")
    clock.advance(59.9)
    assert isinstance(await ledger.claim(claim_of(key_seconds=60.0)), Lost)
    clock.advance(0.1)
    assert await ledger.answered("key") is None
    assert (await won(key_seconds=60.0)).id != first.id
    clock.advance(10 * 365 * 86_400)
    assert isinstance(await ledger.claim(claim_of("kept")), Lost)


async def test_the_window_makes_two_tool_calls_one_text(
    ledger: Ledger, won: Any, claim_of: Any, clock: Any
) -> None:
    """Within the window another tool call id gets the first text's outcome, and from then on is a name of it."""
    first = await won("one", slot=SLOT)
    assert await ledger.claim(claim_of("two", slot=SLOT)) == Lost(first, "slot", same_arguments=True)
    sent = await ledger.record_result(first.id, n=1, result=Accepted("SM1"))
    clock.advance(3_600)
    assert await ledger.claim(claim_of("two", slot=SLOT)) == Lost(sent, "key", same_arguments=True)
    assert (await won("three", slot=SLOT)).id != first.id


@pytest.mark.parametrize("unknown", [False, True])
async def test_a_text_in_doubt_keeps_its_window(
    ledger: Ledger, won: Any, claim_of: Any, clock: Any, unknown: bool
) -> None:
    """While a text is on the wire, or nobody knows whether it left, the same text again is no other text, however late."""
    first = await won("one", slot=SLOT)
    if unknown:
        first = await ledger.record_result(first.id, n=1, result=Unknown())
    clock.advance(3_600)
    await ledger.tidy()
    assert await ledger.claim(claim_of("two", slot=SLOT)) == Lost(first, "slot", same_arguments=True)


async def test_a_resend_takes_the_slot_over(ledger: Ledger, won: Any, claim_of: Any) -> None:
    """`replace_slot` sends within the window, and the window is then the new text's."""
    first = await won("one", slot=SLOT)
    second = await won("two", slot=SLOT, replace_slot=True)
    assert second.id != first.id
    assert await ledger.claim(claim_of("three", slot=SLOT)) == Lost(second, "slot", same_arguments=True)
    # The first one's failure must not open the window of the second.
    await ledger.record_result(first.id, n=1, result=Refused(Reason.LANDLINE, Scope.DESTINATION))
    assert await ledger.claim(claim_of("four", slot=SLOT)) == Lost(second, "slot", same_arguments=True)


async def test_a_refusal_is_recorded_under_its_key(ledger: Ledger, claim_of: Any) -> None:
    """A refused tool call that is told again is answered with the same refusal, by claim and by refusal alike."""
    message = NewMessage(
        platform="retell",
        call_id="call-1",
        tool="send_link",
        reason=Reason.NUMBER_WITHHELD,
        detail="no number",
        plugin="core",
    )
    refused = await ledger.record_refusal(message, key="key", arguments_hash="a1")
    assert isinstance(refused, Denied)
    assert refused.message.state is MessageState.REJECTED
    assert (refused.message.reason, refused.message.detail) == (Reason.NUMBER_WITHHELD, "no number")
    assert (refused.message.plugin, refused.message.attempts) == ("core", 0)
    assert await ledger.claim(claim_of()) == Lost(refused.message, "key", same_arguments=True)
    again = NewMessage(platform="retell", call_id="call-1", tool="send_link", reason=Reason.NO_SENDER)
    assert await ledger.record_refusal(again, key="key") == Lost(refused.message, "key", same_arguments=False)
    assert await ledger.message(again.id) is None


async def test_an_opt_out_wins_a_race_with_claims(ledger: Ledger, claim_of: Any) -> None:
    """Every claim that comes after the opt-out is denied, with no slot taken and nothing sent, and is recorded."""
    claims = [ledger.claim(claim_of(f"before-{n}")) for n in range(50)]
    opt_out = ledger.opt_out("+12025550142", source="keyword", evidence="STOP")
    later = [ledger.claim(claim_of(f"after-{n}", slot=SLOT)) for n in range(50)]
    answers = await asyncio.gather(*claims, opt_out, *later)
    assert all(isinstance(answer, Won) for answer in answers[:50])
    for answer in answers[51:]:
        assert isinstance(answer, Denied)
        assert (answer.message.state, answer.message.reason) == (MessageState.REJECTED, Reason.OPTED_OUT)
        assert await ledger.attempts(answer.message.id) == ()
    await ledger.lift_opt_out("+12025550142")
    assert isinstance(await ledger.claim(claim_of("lifted", slot=SLOT)), Won)


@pytest.mark.parametrize(("scope", "denied"), [("twilio", True), ("+12025550100", True), ("vonage", False)])
async def test_a_narrow_opt_out_holds_for_its_account_or_sender(
    ledger: Ledger, claim_of: Any, scope: str, denied: bool
) -> None:
    """An opt-out of one programme denies what leaves from that account or number, and nothing else."""
    await ledger.opt_out("+12025550142", source="keyword", scope=scope)
    assert isinstance(await ledger.claim(claim_of()), Denied if denied else Won)


async def test_a_key_cannot_pass_for_a_slot(ledger: Ledger, claim_of: Any) -> None:
    """Keys and slots share a table; a platform's id must not be able to name a slot."""
    with pytest.raises(LedgerError, match="slot:"):
        await ledger.claim(claim_of("slot:" + SLOT.key))


async def test_expired_claims_are_tidied_and_live_ones_kept(ledger: Ledger, won: Any, clock: Any) -> None:
    """Tidying removes what has no effect any more, and nothing else."""
    derived = await won("derived", key_seconds=60.0, slot=SLOT)
    await ledger.record_result(derived.id, n=1, result=Accepted("SM1"))
    await won("kept")
    assert await ledger.tidy() == 0
    clock.advance(61)
    assert await ledger.tidy() == 2
    assert await ledger.answered("kept") is not None
