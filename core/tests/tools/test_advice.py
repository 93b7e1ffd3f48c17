from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from midcall.tools import read_tool_file, tool_from_json, tool_to_json, tool_warnings

FILES = Path(__file__).parent / "files"


def warnings(**change: Any) -> tuple[str, ...]:
    """Warnings about an ordinary tool with `change`."""
    data = {"type": "send_sms", "name": "t", "sms_content": {"type": "predefined", "text": "Hi"}, **change}
    tool = tool_from_json(data, source="t")
    assert set(change) <= set(tool_to_json(tool)), "a warning is no reason to drop what was written"
    return tool_warnings(tool)


@pytest.mark.parametrize("name", ["predefined", "inferred", "template", "older", "newer", "node_static_text"])
def test_published_json_gives_no_warning(name: str) -> None:
    """What Retell publishes is nobody's slip."""
    assert tool_warnings(read_tool_file(FILES / f"{name}.json")) == ()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"speak_during_execution": False, "execution_message_description": "One moment"},
            "execution_message_description: is never said",
        ),
        ({"execution_message_type": "static_text"}, "execution_message_description: is missing"),
        (
            {"sms_sender": {"type": "retell_long_code"}},
            "sms_sender.type: Retell's own pool sends templates only",
        ),
        (
            {"sms_content": {"type": "predefined", "text": "Hi", "prompt": "x"}},
            "sms_content.prompt: is not used",
        ),
        (
            {"sms_content": {"type": "predefined", "text": "Hi {name}"}},
            "sms_content.text: {name} is sent as it stands",
        ),
        ({"sms_content": {"type": "predefined", "text": "a" * 481}}, "sms_content.text: takes 4 segments"),
        ({"countries": ["UK"]}, "countries: no phone number is in UK"),
        (
            {"sentences": {"en": {"opted_outs": "no"}}},
            "sentences.en.opted_outs: is never said; .*did you mean opted_out",
        ),
        ({"sentences": {"en": {"zzz": "no"}}}, "sentences.en.zzz: is never said; .*use a status"),
        ({"max_segment": 2}, "max_segment: is not a field, and has no effect; did you mean max_segments?"),
        ({"maxSegments": 2}, "maxSegments: .* did you mean max_segments?"),
        ({"country": ["US"]}, "country: .* did you mean countries?"),
        (
            {"sms_destination": {"phonenumber": "{{to}}"}},
            "sms_destination.phonenumber: .* did you mean phone_number?",
        ),
        (
            {"sms_destination": {"phone_number": "40404", "ignore_e164_validation": True}},
            "sms_destination.ignore_e164_validation: .*Midcall still needs a number it can read",
        ),
        (
            {"sms_destination": {"phone_number": "{{to}}", "ignore_e164_validation": True}},
            "sms_destination.ignore_e164_validation: .*Midcall still needs a number it can read",
        ),
        ({"sms_content": {"type": "inferred", "promt": "x"}}, "sms_content.promt: .* did you mean prompt?"),
    ],
)
def test_a_slip_is_warned_of(change: dict[str, Any], expected: str) -> None:
    """The tool can be used, the field is kept, and one sentence names it and the fix."""
    (warning,) = warnings(**change)
    assert re.match(expected.replace("?", r"\?").replace("{", r"\{"), warning), warning


@pytest.mark.parametrize(
    "text",
    ["{{name}}", "{{{name}}}", '{"a": {"b": 1}}', "{{current_time_{{zone}}}}", "{{name}} " + "a" * 600],
)
def test_texts_that_are_no_slip(text: str) -> None:
    """Variables, braces of other kinds, and a text whose length only the call decides."""
    assert warnings(sms_content={"type": "predefined", "text": text}) == ()


def test_every_key_of_a_sentence_is_known() -> None:
    """Statuses, reasons, and `duplicate`, which is neither."""
    assert warnings(sentences={"es": {"accepted": "a", "landline": "b", "duplicate": "c"}}) == ()


def test_a_number_that_can_be_read_needs_no_validation() -> None:
    """`ignore_e164_validation` beside a whole number changes nothing, here as with Retell."""
    destination = {"type": "phone_number", "phone_number": "+12025550142", "ignore_e164_validation": True}
    assert warnings(sms_destination=destination) == ()


def test_fields_of_retells_other_tools_are_no_slips() -> None:
    """Retell's published tools and nodes have fields that resemble none of Midcall's closely enough to be taken for one."""
    published = (
        "id url headers method timeout_ms max_retry parameters parameter_type query_params response_variables "
        "enable_typing_sound args_at_root success_edge failed_edge display_position global_node_setting "
        "model_choice model_config condition depends_on tool_id"
    )
    assert warnings(**dict.fromkeys(published.split(), "x")) == ()
