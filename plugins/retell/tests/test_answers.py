from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from midcall import Outcome, Reason, Status, ToolCall, WebhookRequest
from midcall.tools import tool_from_json, tool_schema
from midcall_retell import Retell, RetellSettings

Body = dict[str, Any]

# The fields of `GeneralToolCustomTool` in retell-sdk 6.2.13.
PUBLISHED = {
    "name",
    "type",
    "url",
    "args_at_root",
    "description",
    "enable_typing_sound",
    "execution_message_description",
    "execution_message_type",
    "headers",
    "max_retry",
    "method",
    "parameter_type",
    "parameters",
    "query_params",
    "response_variables",
    "speak_after_execution",
    "speak_during_execution",
    "timeout_ms",
}
URL = "https://sms.example.com/platforms/sales/tools/send_sms"


@pytest.fixture(name="tool_call")
def fixture_tool_call(retell: Retell, signed: Callable[..., WebhookRequest], body: Body) -> ToolCall:
    """A decoded tool call."""
    return retell.decode_tool_call(signed(body), "send_sms")


def test_a_refusal_is_a_success_to_http(retell: Retell, tool_call: ToolCall) -> None:
    """Anything but 2xx reads as a failure and may be repeated, so a refusal is 200 with words."""
    outcome = Outcome(
        status=Status.REJECTED,
        say="I can’t text you.",
        reason=Reason.OPTED_OUT,
        detail="they sent STOP",
        message_id="m1",
    )
    response = retell.encode_outcome(outcome, tool_call)
    assert response.status == 200
    assert response.content_type == "application/json"
    assert json.loads(response.body) == outcome.as_json()
    assert json.loads(response.body)["status"] == "rejected"


@given(
    st.text()
    | st.sampled_from(["a", '"', "\n", "\x01", "é", "😀", "\ud83d"]).map(lambda char: char * 20_000),
    st.text() | st.sampled_from(["a", '"', "\n", "\x01", "é", "😀"]).map(lambda char: char * 14_990),
    st.text() | st.just("p" * 16_000),
)
def test_no_answer_is_longer_than_the_model_reads(retell: Retell, say: str, detail: str, plugin: str) -> None:
    """At most 15,000 characters, always JSON, with the status in it; what fits is not touched."""
    outcome = Outcome(status=Status.UNKNOWN, say=say, detail=detail, plugin=plugin)
    tool_call: Any = None  # not looked at
    text = retell.encode_outcome(outcome, tool_call).body.decode()
    assert len(text) <= 15_000
    answer = json.loads(text)
    assert answer["status"] == "unknown"
    whole = json.dumps(outcome.as_json(), ensure_ascii=False, separators=(",", ":"))
    if len(whole) <= 15_000 and "\ud83d" not in whole:
        assert answer == outcome.as_json()
    if len(say) < 100:
        assert answer["say"] == say.encode("utf-8", "replace").decode()


def test_the_longest_cut_keeps_what_it_can(retell: Retell, tool_call: ToolCall) -> None:
    """The details for developers are cut, not the words to say, and only as far as needed."""
    outcome = Outcome(status=Status.REJECTED, say="Sorry.", detail="x" * 20_000)
    answer = retell.encode_outcome(outcome, tool_call).body.decode()
    assert len(answer) == 15_000
    assert json.loads(answer)["say"] == "Sorry."
    assert json.loads(answer)["detail"].endswith("x…")


def test_an_exported_tool_is_a_custom_function(retell: Retell) -> None:
    """Only published fields, the model's arguments under `args`, and talk and speak as the tool has them."""
    tool = tool_from_json(
        {
            "type": "send_sms",
            "name": "send_sms",
            "description": "Send a summary.",
            "sms_content": {"type": "inferred", "prompt": "Sum up."},
            "execution_message_type": "static_text",
            "execution_message_description": "One moment.",
            "budget_ms": 2_000,
        },
        source="t",
    )
    function = dict(retell.export_tool(tool, url=URL))
    assert set(function) <= PUBLISHED
    assert function["type"] == "custom"
    assert function["name"] == "send_sms"
    assert function["url"] == URL
    assert function["method"] == "POST"
    assert function["args_at_root"] is False
    assert function["parameters"] == tool_schema(tool)
    assert function["speak_during_execution"] is True
    assert function["execution_message_type"] == "static_text"
    assert function["execution_message_description"] == "One moment."
    assert function["speak_after_execution"] is True
    assert function["description"].startswith("Send a summary. ")
    assert '"say"' in function["description"]
    assert function["timeout_ms"] == 7_000
    assert 0 <= function["max_retry"] <= 5
    assert json.loads(json.dumps(function)) == function


@pytest.mark.parametrize("budget_ms", [100, 30_000])
def test_retell_waits_longer_than_we_need(retell: Retell, budget_ms: int) -> None:
    """Retell's timeout is within its own limits and above the tool's budget."""
    tool = tool_from_json({"name": "t", "sms_content": {"text": "Hi"}, "budget_ms": budget_ms}, source="t")
    assert max(1_000, budget_ms) < retell.export_tool(tool, url=URL)["timeout_ms"] <= 600_000


def test_a_silent_tool_exports_silent(retell: Retell) -> None:
    """Without talk and speak, no words for either are exported."""
    tool = tool_from_json(
        {
            "name": "send_sms",
            "sms_content": {"type": "predefined", "text": "Hi"},
            "speak_during_execution": False,
            "speak_after_execution": False,
            "execution_message_description": "One moment.",
        },
        source="t",
    )
    function = retell.export_tool(tool, url=URL)
    assert function["speak_during_execution"] is False
    assert function["speak_after_execution"] is False
    assert "execution_message_description" not in function
    assert '"say"' not in function["description"]
    assert function["parameters"]["properties"] == {}


def test_settings_hide_and_need_the_key() -> None:
    """The key is a secret with its customary variable, and an empty one, which anybody could sign with, is refused."""
    settings = RetellSettings.model_validate({"api_key": "key_fictional"})
    assert "key_fictional" not in repr(settings)
    assert settings.tolerance_s == 300
    assert RetellSettings.customary == {"api_key": "RETELL_API_KEY"}
    for bad in ({}, {"api_key": ""}, {"api_key": "k", "tolerance_s": 0}, {"api_key": "k", "base_url": "x"}):
        with pytest.raises(ValidationError):
            RetellSettings.model_validate(bad)


async def test_it_does_not_claim_to_reach_live_calls(retell: Retell, tool_call: ToolCall) -> None:
    """This version talks to nobody, and says so rather than pretending."""
    assert retell.reaches_live_calls is False
    assert await retell.tell_call(tool_call.call, "They replied", respond=True) is False


def test_the_entry_point_names_the_class() -> None:
    """What the distribution announces is what the module has, under the platform's name."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    assert project["project"]["entry-points"]["midcall"] == {Retell.name: f"midcall_retell:{Retell.__name__}"}
