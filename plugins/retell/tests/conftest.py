from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from midcall import WebhookRequest
from midcall_retell import Retell, RetellSettings

KEY = "key_fictional"
NOW = datetime(2026, 11, 23, 20, 30, tzinfo=UTC)

Signed = Callable[..., WebhookRequest]


@pytest.fixture(name="retell", scope="session")
def fixture_retell() -> Retell:
    """The instance `sales` of platform `retell`."""
    return Retell("sales", RetellSettings(api_key=SecretStr(KEY)))


@pytest.fixture(name="signed", scope="session")
def fixture_signed() -> Signed:
    """Makes a signed request of anything that can be JSON, or of raw bytes."""

    def make(body: Any) -> WebhookRequest:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        ms = str(round(NOW.timestamp() * 1_000))
        digest = hmac.new(KEY.encode(), raw + ms.encode(), hashlib.sha256).hexdigest()
        return WebhookRequest(
            method="POST",
            url="https://sms.example.com/platforms/sales/tools/send_sms",
            headers={"content-type": "application/json", "x-retell-signature": f"v={ms},d={digest}"},
            body=raw,
            received_at=NOW,
        )

    return make


@pytest.fixture(name="body")
def fixture_body() -> dict[str, Any]:
    """A custom function's request as Retell publishes it, with fictional numbers."""
    return {
        "name": "send_sms",
        "call": {
            "call_id": "call_1",
            "call_type": "phone_call",
            "agent_id": "agent_1",
            "agent_version": 1,
            "call_status": "ongoing",
            "from_number": "+12025550142",
            "to_number": "+12025550100",
            "direction": "inbound",
            "metadata": {},
            "retell_llm_dynamic_variables": {"customer_name": "John"},
            "collected_dynamic_variables": {"city": "Boston"},
            "custom_sip_headers": {},
            "start_timestamp": 1703302407333,
            "transcript": "Agent: ...",
            "transcript_object": [],
            "transcript_with_tool_calls": [
                {"role": "agent", "content": "Hello", "words": []},
                {
                    "role": "tool_call_invocation",
                    "tool_call_id": "tool_call_abc123",
                    "name": "send_sms",
                    "arguments": '{"message": "See you at 3"}',
                },
            ],
        },
        "args": {"message": "See you at 3"},
    }
