"""A whole deployment in one process: Midcall with the Twilio plugin on its SDK, against the simulated carrier."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from midcall import Settings, load_settings
from midcall_simulator import Simulator
from midcall_simulator.twilio import DEFAULT_ACCOUNT_SID, DEFAULT_AUTH_TOKEN


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """The simulated carrier, on a free port."""
    async with Simulator(callback_delay=0.02) as simulator:
        yield simulator


@pytest.fixture
def settings_for(sim: Simulator, tmp_path: Path) -> Callable[..., Settings]:
    """Settings of a deployment whose one account is the simulated carrier's. Keywords go into the tool."""

    def make(*, timeout: float = 2.0, **tool: Any) -> Settings:
        content = {"type": "predefined", "text": "Hi {{name}}, here is your link: https://example.com/b"}
        return load_settings(
            environ={},
            overrides={
                "server": {
                    "ledger": f"sqlite:///{tmp_path / 'midcall.db'}",
                    "public_url": "http://127.0.0.1:9",  # discard: receipts are another test's subject
                },
                "accounts": {
                    "twilio": {
                        "account_sid": DEFAULT_ACCOUNT_SID,
                        "auth_token": DEFAULT_AUTH_TOKEN,
                        "base_url": sim.url,
                        "timeout": timeout,
                    }
                },
                "tools": {"send_sms": {"type": "send_sms", "sms_content": content} | tool},
            },
        )

    return make
