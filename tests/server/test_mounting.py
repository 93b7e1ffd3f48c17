"""The application in a server of one's own: below a prefix, with or without a lifespan."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from midcall_simulator.retell import encode, now_ms, signed_headers
from tests.server.deployment import KEY, TOKEN, serving


async def test_below_a_prefix(ledger: Path) -> None:
    """Its routes are found below the place where it is mounted, and only there."""
    async with serving(ledger, mount=lambda app: Starlette(routes=[Mount("/texting", app=app)])) as served:
        body = encode(served.a_call().invoke("send_sms"))
        headers = signed_headers(body, key=KEY, at_ms=now_ms())
        path = "/platforms/retell/tools/send_sms"
        answer = await served.ask("POST", "/texting" + path, body=body, headers=headers, described=False)
        assert (answer.status, answer.json["status"]) == (200, "accepted")
        assert (await served.ask("POST", path, body=body, headers=headers, described=False)).status == 404
        token = {"Authorization": f"Bearer {TOKEN}"}
        listed = await served.ask("GET", "/texting/messages", headers=token, described=False)
        assert [message["id"] for message in listed.json["messages"]] == [answer.json["message_id"]]


async def test_its_lifespan_starts_and_closes_midcall(ledger: Path) -> None:
    """Run by any ASGI server it starts by itself, and closes what it started."""
    async with serving(ledger, start=False) as served:
        assert served.midcall.running
        assert (await served.call_tool(served.a_call())).json["status"] == "accepted"
    assert not served.midcall.running


async def test_a_midcall_that_runs_already_is_its_owners_to_close(ledger: Path) -> None:
    """The lifespan leaves alone what it did not start."""
    running_after = []

    def watched(app: Any) -> Callable[..., Awaitable[None]]:
        async def ours(scope: Any, receive: Any, send: Any) -> None:
            await app(scope, receive, send)
            if scope["type"] == "lifespan":
                running_after.append(app.midcall.running)

        return ours

    async with serving(ledger, mount=watched):
        pass
    assert running_after == [True]


@pytest.mark.parametrize("path", ["/platforms/retell/tools/send_sms", "/platforms/retell/events"])
async def test_without_a_lifespan(ledger: Path, path: str) -> None:
    """Nobody has started it: 503 that says so, for webhooks and pages, and the process lives."""
    async with serving(
        ledger, start=False, mount=lambda app: Starlette(routes=[Mount("/", app=app)])
    ) as served:
        assert not served.midcall.running
        answers = [
            await served.ask("POST", path, body=b"{}"),
            await served.get("/messages"),
            await served.get("/readyz"),
        ]
        assert [answer.status for answer in answers] == [503] * 3
        assert "not running" in answers[0].json["error"]
        assert (await served.get("/healthz")).status == 200
