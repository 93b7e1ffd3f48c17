"""The read API: who may, what is found, how to go on, and what is wrong with a question."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

import pytest

from midcall import Call, Direction
from tests.server.deployment import AGENT, CALLER, TOKEN, Served, serving

GUARDED = ["/messages", "/messages/0190", "/calls/call_1"]
OPEN = ["/healthz", "/readyz", "/openapi.json"]


# Who may --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", GUARDED)
async def test_only_with_the_token(served: Served, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No token, another, the right one in another scheme or with more behind it: 401; compared in constant time."""
    compared: list[tuple[bytes, bytes]] = []

    def compare(given: bytes, known: bytes) -> bool:
        compared.append((given, known))
        return given == known

    monkeypatch.setattr(secrets, "compare_digest", compare)
    for header in (
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN.upper()}",
        "Bearer tökén",
    ):
        answer = await served.ask("GET", path, headers={} if header is None else {"Authorization": header})
        assert answer.status == 401, header
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json["fix"]
    assert len(compared) >= 5
    assert (await served.get(path)).status in (200, 404)
    assert (await served.ask("GET", path, headers={"Authorization": f"bearer  {TOKEN} "})).status != 401


@pytest.mark.parametrize("path", GUARDED)
async def test_closed_without_a_token_in_the_settings(ledger: Path, path: str) -> None:
    """403 that names the setting, whatever is sent; a token that is not set is not the empty one."""
    async with serving(ledger, token=None) as served:
        for token in (None, "", "x"):
            answer = await served.get(path, token=token)
            assert answer.status == 403
            assert "MIDCALL_SERVER__TOKEN" in answer.json["fix"]


async def test_a_token_of_any_characters(ledger: Path) -> None:
    """A token that is not ASCII is compared by its bytes, as they are sent."""
    async with serving(ledger, token="schlüssel-鍵") as served:
        reader, writer = await _connection(served)
        writer.write(
            "GET /messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer schlüssel-鍵\r\n\r\n".encode()
        )
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()


async def _connection(served: Served) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", int(served.url.rpartition(":")[2]))


@pytest.mark.parametrize("path", OPEN)
async def test_nobody_is_asked(served: Served, path: str) -> None:
    """Health and the description are for anybody who can reach the port."""
    assert (await served.get(path, token=None)).status == 200


# What is found --------------------------------------------------------------------------------------------------------


async def test_messages_by_state_call_and_number(served: Served) -> None:
    """Newest first; each filter keeps what it names, and they are combined."""
    first, second = served.a_call(), served.a_call(caller="+17025550111")  # the second is a landline
    sent = (await served.call_tool(first)).json["message_id"]
    refused = (await served.call_tool(second)).json["message_id"]
    await served.sim.settled()

    async def ids(query: str) -> list[str]:
        answer = await served.get(f"/messages{query}")
        assert answer.status == 200
        return [message["id"] for message in answer.json["messages"]]

    assert await ids("") == [refused, sent]
    assert await ids("?state=delivered") == [sent]
    assert await ids("?state=rejected") == [refused]
    assert await ids("?state=parked") == []
    assert await ids(f"?call={first.call_id}") == [sent]
    assert await ids(f"?call={first.call_id}&state=rejected") == []
    for written in ("%2B12025550142", "+12025550142", "12025550142", "%2B1%20(202)%20555-0142"):
        assert await ids(f"?to={written}") == [sent]


async def test_going_on_from_the_last_one(served: Served) -> None:
    """`limit` at a time, `before` the last one seen: every message once, newest first, until there are no more."""
    for _ in range(7):
        await served.call_tool(served.a_call())
    everything = [message["id"] for message in (await served.get("/messages")).json["messages"]]
    assert everything == sorted(everything, reverse=True)
    seen: list[str] = []
    query = "?limit=3"
    while page := (await served.get(f"/messages{query}")).json["messages"]:
        seen += [message["id"] for message in page]
        query = f"?limit=3&before={seen[-1]}"
    assert seen == everything


async def test_one_message_in_full(served: Served) -> None:
    """With the exact request and answer of each attempt, and a timeline that begins with the claim."""
    answer = await served.call_tool(served.a_call())
    await served.sim.settled()
    shown = (await served.get(f"/messages/{answer.json['message_id']}")).json
    assert (shown["from"], shown["to"], shown["account"]) == (AGENT, CALLER, "twilio")
    (attempt,) = shown["attempts_made"]
    assert (attempt["n"], attempt["result"]) == (1, "accepted")
    assert attempt["request"]
    assert served.sim.texts[0].sid in str(attempt["response"])
    assert shown["events"][0]["kind"] == "claimed"
    assert [event["at"] for event in shown["events"]] == sorted(event["at"] for event in shown["events"])


@pytest.mark.parametrize("name", ["x", "0190", "%2F", "%00", "%C3%A9", "x" * 5_000])
async def test_what_is_not_there(served: Served, name: str) -> None:
    """404 with words, and what was asked for is not repeated at length."""
    for path in (f"/messages/{name}", f"/calls/{name}"):
        answer = await served.ask(
            "GET", path, headers={"Authorization": f"Bearer {TOKEN}"}, described=name != "%2F"
        )
        assert answer.status == 404
        assert answer.json["fix"]
        assert len(answer.body) < 1_000


async def test_calls_of_several_instances(served: Served) -> None:
    """A call from the command line is found too; when several instances have a call of one id, which one has to be said."""
    for platform in ("cli", "retell"):
        call = Call(
            platform=platform,
            id="shared",
            direction=Direction.INBOUND,
            user_number=CALLER,
            agent_number=AGENT,
            variables={"name": "Ann"},
        )
        await served.midcall.ledger.save_call(call)
        await served.midcall.send(call, "send_sms", tool_call_id=f"id of {platform}")
        if platform == "cli":
            assert (await served.get("/calls/shared")).json["platform"] == "cli"
    both = await served.get("/calls/shared")
    assert both.status == 400
    assert "cli, retell" in both.json["fix"]
    for platform in ("cli", "retell"):
        shown = (await served.get(f"/calls/shared?platform={platform}")).json
        assert [message["platform"] for message in shown["messages"]] == [platform]
    assert (await served.get("/calls/shared?platform=sales")).status == 404


# What is wrong with a question ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "?state=sending_soon",
        "?state=",
        "?limit=0",
        "?limit=501",
        "?limit=-1",
        "?limit=ten",
        "?limit=",
        "?limit=1e2",
        "?limit=%D9%A1",
        "?limit=" + "9" * 6_000,
        "?to=nobody",
        "?to=",
        "?to=%2B1",
        "?to=" + "1" * 3_000,
        "?before=yesterday",
        "?before=",
        "?after=x",
        "?state=sent&state=delivered",
        "?%00=1",
    ],
    ids=lambda query: query[:40],
)
async def test_a_parameter_that_cannot_be_used(served: Served, query: str) -> None:
    """400 that says which one and what to write: an answer to another question would be worse."""
    answer = await served.get(f"/messages{query}")
    assert answer.status == 400
    assert answer.json["error"]
    assert answer.json["fix"]
    assert len(answer.body) < 1_000


async def test_parameters_where_there_are_none(served: Served) -> None:
    """A misspelt parameter is told of on the other pages too."""
    call = served.a_call()
    sent = (await served.call_tool(call)).json["message_id"]
    assert (await served.get(f"/messages/{sent}?attempt=1")).status == 400
    assert (await served.get(f"/calls/{call.call_id}?instance=retell")).status == 400
