"""`Midcall`: its lifetime, its doors for platforms and carriers, and what it says of itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from core.tests.sending.deployment import AGENT, OTHER_USER, SENT_TEXT, USER, Deploy, a_call, callback
from core.tests.sending.fake_carrier import WAIT_S, carrier_id_of
from midcall import (
    BadSignature,
    CallEventKind,
    ConfigError,
    LedgerError,
    MessageState,
    Midcall,
    MidcallError,
    Status,
    UnknownToolError,
    Unreadable,
    Verdict,
    WebhookRequest,
    hookimpl,
)
from midcall.plugins import PluginState


@pytest.fixture
async def deploy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Deploy]:
    """As for the tests of the sending journey."""
    monkeypatch.chdir(tmp_path)
    made = Deploy(tmp_path, monkeypatch)
    yield made
    await made.aclose()


def request(body: dict[str, Any], *, signed: bool = True) -> WebhookRequest:
    """A request of the fake platform."""
    return WebhookRequest(
        method="POST",
        url="https://sms.example.com/platforms/voice/tools/send_link",
        headers={"x-voice": "voice"} if signed else {},
        body=json.dumps(body).encode(),
        received_at=datetime.now(UTC),
    )


CALL = {"id": "call-7", "user_number": USER, "agent_number": AGENT, "variables": {"name": "Ada"}}

# Lifetime -----------------------------------------------------------------------------------------------------------------


async def test_the_readme_way(deploy: Deploy) -> None:
    """`async with Midcall(settings)` starts, sends and stops."""
    midcall = Midcall(deploy.settings())
    before = midcall.running
    async with midcall:
        during = midcall.running
        outcome = await midcall.send(a_call(), "send_link", tool_call_id="a")
        carrier: Any = midcall.accounts["acme"]
    assert (outcome.status, [sent.text for sent in carrier.sent]) == (Status.ACCEPTED, [SENT_TEXT])
    assert [before, during, midcall.running] == [False, True, False]
    assert carrier.closed == 1


async def test_nothing_before_the_start(deploy: Deploy) -> None:
    """An unstarted Midcall says so, and has opened no file."""
    midcall = Midcall(deploy.settings())
    with pytest.raises(MidcallError, match="async with Midcall"):
        await midcall.send(a_call(), "send_link")
    assert await midcall.problems() == ["Midcall has not been started"]
    assert not (deploy.folder / "ledger.db").exists()


async def test_a_plugin_that_is_required_and_missing(deploy: Deploy) -> None:
    """The start fails before the ledger is touched: a missing consent check must not fail open."""

    class Consent:
        @hookimpl
        async def midcall_check_eligibility(self) -> Verdict:
            return Verdict.allow()

    midcall = Midcall(deploy.settings(policies={"consent": Consent()}))
    deploy._install({})  # somebody has uninstalled it since
    with pytest.raises(ConfigError, match="consent"):
        await midcall.start()
    assert not midcall.running
    assert not (deploy.folder / "ledger.db").exists()


async def test_an_account_whose_settings_are_wrong(deploy: Deploy) -> None:
    """The sentence names the table and the key."""
    with pytest.raises(ConfigError, match=r"accounts\.acme.*colour"):
        await deploy(accounts={"acme": {"colour": "red"}})


async def test_a_ledger_that_cannot_be_opened(deploy: Deploy) -> None:
    """The start fails with the file's name, and leaves nothing running."""
    (deploy.folder / "folder.db").mkdir()
    with pytest.raises(LedgerError, match=r"folder\.db"):
        await deploy(ledger="folder.db")
    assert not deploy.started[0].running


async def test_an_sdk_that_cannot_be_imported(deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A carrier that was chosen and cannot send stops the start; ledger and plugins are closed again."""
    from core.tests.sending.fake_carrier import Acme

    def missing() -> None:
        raise ImportError("No module named 'acme_sdk'")

    monkeypatch.setattr(Acme, "load_sdk", missing)
    with pytest.raises(ConfigError, match="acme_sdk"):
        await deploy()
    assert not deploy.started[0].running
    monkeypatch.undo()


async def test_a_failed_start_may_be_repeated(deploy: Deploy) -> None:
    """Once what was wrong is put right the same Midcall starts."""
    wrong = deploy.folder / "ledger.db"
    wrong.mkdir()
    midcall = Midcall(deploy.settings())
    with pytest.raises(LedgerError):
        await midcall.start()
    wrong.rmdir()
    async with midcall:
        assert (await midcall.send(a_call(), "send_link")).status is Status.ACCEPTED


@pytest.mark.parametrize(
    ("tool", "server", "warned"),
    [
        ({"wait_for_receipt": True}, {}, True),
        ({"wait_for_receipt": True}, {"public_url": "https://sms.example.com"}, False),
        ({}, {}, False),
    ],
)
async def test_waiting_for_a_receipt_that_cannot_come(
    deploy: Deploy,
    caplog: pytest.LogCaptureFixture,
    tool: dict[str, Any],
    server: dict[str, Any],
    *,
    warned: bool,
) -> None:
    """Without a public address no carrier is told where to send receipts: the start names the tool and the fix."""
    await deploy(tool=tool, server=server)
    said = [message for message in caplog.messages if "wait_for_receipt" in message]
    assert bool(said) is warned
    assert all(
        message.startswith("[tools.send_link] ") and "server.public_url" in message for message in said
    )


# The doors ----------------------------------------------------------------------------------------------------------------


async def test_a_platforms_tool_call(deploy: Deploy) -> None:
    """From raw request to raw answer: decoded by the platform, sent, encoded by the platform."""
    running = await deploy()
    answer = await running.midcall.answer_tool_call("voice", "send_link", request({"call": CALL, "id": "t1"}))
    told = json.loads(answer.body)
    assert (answer.status, told["id"], told["status"], told["duplicate"]) == (200, "t1", "accepted", False)
    assert running.carrier.sent[0].id == told["message_id"]
    again = await running.midcall.answer_tool_call("voice", "send_link", request({"call": CALL, "id": "t1"}))
    assert json.loads(again.body)["duplicate"]
    assert len(running.carrier.sent) == 1


async def test_a_refusal_is_an_answer(deploy: Deploy) -> None:
    """An HTTP error would be read as "try again", so a refusal is 200 with words, an unknown tool's too."""
    running = await deploy()
    answer = await running.midcall.answer_tool_call("voice", "send_invoice", request({"call": CALL}))
    assert answer.status == 200
    assert json.loads(answer.body)["reason"] == "unknown_tool"


@pytest.mark.parametrize(
    ("asked", "error"),
    [(request({"call": CALL}, signed=False), BadSignature), (request({}), Unreadable)],
)
async def test_requests_that_are_not_taken(
    deploy: Deploy, asked: WebhookRequest, error: type[Exception]
) -> None:
    """Nothing is sent and nothing written down."""
    running = await deploy()
    with pytest.raises(error):
        await running.midcall.answer_tool_call("voice", "send_link", asked)
    assert running.carrier.sent == []
    assert await running.ledger.messages() == ()


async def test_a_call_opens(deploy: Deploy) -> None:
    """It is remembered, and what its first text needs is made ready: the connection, and the sender's registration."""
    running = await deploy()
    event = await running.midcall.take_event("voice", request({"event": "started", "call": CALL}))
    assert event.kind is CallEventKind.OPENED
    call = await running.ledger.call("voice", "call-7")
    assert call is not None
    assert call.open
    async with asyncio.timeout(WAIT_S):
        while not (running.carrier.warmed_up and running.carrier.checked):
            await asyncio.sleep(0.005)
    assert (running.carrier.warmed_up, running.carrier.checked) == (1, [AGENT])
    await running.midcall.answer_tool_call("voice", "send_link", request({"call": CALL}))
    assert running.carrier.checked == [AGENT]  # it was known when it was needed


async def test_only_the_numbers_account_is_made_ready(deploy: Deploy) -> None:
    """A number that is listed has one account, and the others' connections are not opened for it."""
    running = await deploy(
        accounts={"acme": {}, "eu": {"carrier": "acme"}}, numbers={AGENT: {"account": "eu"}}
    )
    await running.midcall.call_opened(a_call())
    async with asyncio.timeout(WAIT_S):
        while not running.account("eu").warmed_up:
            await asyncio.sleep(0.005)
    assert running.carrier.warmed_up == 0


async def test_a_call_ends(deploy: Deploy) -> None:
    """Later tool calls in it are refused, however it is spelt by a late event that it has begun."""
    running = await deploy()
    await running.midcall.take_event("voice", request({"event": "started", "call": CALL}))
    await running.midcall.take_event("voice", request({"event": "hung_up", "call": CALL}))
    await running.midcall.take_event("voice", request({"event": "started", "call": CALL}))
    answer = await running.midcall.answer_tool_call("voice", "send_link", request({"call": CALL}))
    assert json.loads(answer.body)["reason"] == "call_ended"


@pytest.mark.parametrize("body", [{"event": "analysed", "call": CALL}, {"event": "started"}])
async def test_other_events(deploy: Deploy, body: dict[str, Any]) -> None:
    """What core has no use for changes nothing."""
    running = await deploy()
    await running.midcall.take_event("voice", request(body))
    assert await running.ledger.call("voice", "call-7") is None


async def test_a_carriers_callback(deploy: Deploy) -> None:
    """It is verified, applied and answered with what it did."""
    running = await deploy()
    outcome = await running.send()
    told = callback({"state": "delivered", "carrier_id": carrier_id_of(running.carrier.sent[0])})
    (applied,) = await running.midcall.take_status("acme", told)
    assert applied.message is not None
    assert (applied.message.id, applied.message.state) == (outcome.message_id, MessageState.DELIVERED)


async def test_sending_remembers_the_call(deploy: Deploy) -> None:
    """A call that no event announced is in the ledger once it has had a tool call."""
    running = await deploy()
    await running.send(a_call("call-9", user_number=OTHER_USER))
    async with asyncio.timeout(WAIT_S):
        while (call := await running.ledger.call("voice", "call-9")) is None:
            await asyncio.sleep(0.005)  # written beside the turn
    assert call.user_number == OTHER_USER


# Looking ------------------------------------------------------------------------------------------------------------------


async def test_what_it_says_of_itself(deploy: Deploy) -> None:
    """Accounts, platforms and plugins, by name; nothing is wrong."""
    running = await deploy(accounts={"acme": {}, "eu": {"carrier": "acme"}})
    assert sorted(running.midcall.accounts) == ["acme", "eu"]
    assert sorted(running.midcall.platforms) == ["distant", "voice"]
    states = {plugin.name: plugin.state for plugin in running.midcall.plugins()}
    assert states["acme"] is PluginState.READY
    assert {"numbers", "content", "rules"} <= states.keys()
    assert await running.midcall.problems() == []


async def test_without_an_account(deploy: Deploy) -> None:
    """It starts, since its console may be wanted, and says that it cannot send."""
    running = await deploy(accounts={})
    (problem,) = await running.midcall.problems()
    assert "[accounts.NAME]" in problem
    outcome = await running.send()
    assert outcome.status is Status.REJECTED


async def test_a_ledger_that_cannot_be_read(deploy: Deploy) -> None:
    """Readiness says so."""
    running = await deploy()
    await running.ledger.aclose()
    (problem,) = await running.midcall.problems()
    assert "ledger" in problem


async def test_preview_of_no_tool(deploy: Deploy) -> None:
    """Whoever previews is a person: the error names the tools there are."""
    running = await deploy()
    with pytest.raises(UnknownToolError, match="there is send_link") as raised:
        await running.midcall.preview(a_call(), "send_lnk")
    assert (raised.value.tool, raised.value.known) == ("send_lnk", ("send_link",))
