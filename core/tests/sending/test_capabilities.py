"""A carrier is handed nothing that it has not declared it can do."""

from __future__ import annotations

from typing import Any

import pytest

from core.tests.sending.deployment import Deploy
from core.tests.sending.fake_carrier import Acme
from midcall import Capabilities


@pytest.mark.parametrize(
    ("declared", "handed"),
    [
        ({"validity": False}, None),
        ({"validity": True}, 600),
        ({"validity": True, "validity_max_s": 300}, 300),
        ({"validity": True, "validity_min_s": 900}, 900),
    ],
)
async def test_validity(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch, declared: dict[str, Any], handed: int | None
) -> None:
    """The tool's validity, within what the carrier takes; none for a carrier that has none."""
    monkeypatch.setattr(Acme, "capabilities", Capabilities(**declared))
    running = await deploy()
    await running.send()
    assert running.carrier.sent[0].validity_s == handed


@pytest.mark.parametrize("receipts", [False, True])
async def test_where_receipts_go(deploy: Deploy, monkeypatch: pytest.MonkeyPatch, receipts: bool) -> None:
    """A carrier without receipts is given no address for them."""
    monkeypatch.setattr(Acme, "capabilities", Capabilities(receipts=receipts))
    running = await deploy(server={"public_url": "https://sms.example.com"})
    outcome = await running.send()
    address = f"https://sms.example.com/carriers/acme/status?m={outcome.message_id}&a=1"
    assert running.carrier.sent[0].status_url == (address if receipts else None)
