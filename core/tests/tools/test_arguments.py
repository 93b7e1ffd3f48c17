from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midcall.contract.tool import Tool
from midcall.tools import check_arguments, tool_from_json, tool_schema

STATIC = {"type": "predefined", "text": "Hi"}
WRITTEN = {"type": "inferred", "prompt": "Sum up."}


def tool(content: dict[str, Any], **extras: Any) -> Tool:
    """A tool with this content."""
    return tool_from_json({"name": "t", "sms_content": content, **extras}, source="t")


def test_static_text_takes_no_arguments() -> None:
    """The model has nothing to say about a text that is fixed."""
    assert tool_schema(tool(STATIC)) == {
        "type": "object",
        "properties": {},
        "required": [],
        "additionalProperties": False,
    }
    assert check_arguments(tool(STATIC), {}) == ()
    assert check_arguments(tool(STATIC), {"message": "x"}) == (
        "message: this tool has no such argument; it takes none",
    )


def test_inferred_content_asks_for_a_message_of_bounded_length() -> None:
    """The message is required, as long as the tool allows, and described by the prompt."""
    schema = tool_schema(tool(WRITTEN, max_characters=20))
    assert schema["required"] == ["message"]
    assert schema["properties"]["message"]["maxLength"] == 20
    assert schema["properties"]["message"]["description"].endswith("Sum up.")


def test_every_argument_a_tool_may_allow() -> None:
    """`to` needs trust in the model's arguments, `resend` needs `allow_resend`; neither is required."""
    schema = tool_schema(tool(WRITTEN, trust=["argument"], allow_resend=True))
    assert list(schema["properties"]) == ["message", "to", "resend"]
    assert schema["required"] == ["message"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"message": "Hi"}, ()),
        ({"message": "x" * 20}, ()),
        ({"message": "x" * 21}, ("message: has 21 characters; write it shorter, at most 20",)),
        ({}, ("message: is missing; give the text to send",)),
        ({"message": None}, ("message: is missing; give the text to send",)),
        ({"message": " \n"}, ("message: is empty; give the text to send",)),
        ({"message": 5}, ("message: must be text",)),
        ({"message": "Hi", "to": "+12025550142", "resend": True}, ()),
        ({"message": "Hi", "to": None, "resend": None}, ()),
        ({"message": "Hi", "to": 5}, ("to: must be text, a phone number such as +12025550142",)),
        ({"message": "Hi", "to": ""}, ("to: is empty; leave it out to text the usual number",)),
        ({"message": "Hi", "resend": "yes"}, ("resend: must be true or false",)),
        ({"message": "Hi", "resend": 1}, ("resend: must be true or false",)),
        (
            {"message": "Hi", "text": "x"},
            ("text: this tool has no such argument; it takes message and to and resend",),
        ),
    ],
)
def test_problems_name_the_argument(arguments: dict[str, Any], expected: tuple[str, ...]) -> None:
    """Each problem is one sentence a model can act on; null counts as not given."""
    written = tool(WRITTEN, max_characters=20, trust=["argument"], allow_resend=True)
    assert check_arguments(written, arguments) == expected


values = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=30) | st.lists(st.integers(), max_size=2)
)


@given(st.dictionaries(st.sampled_from(["message", "to", "resend", "x"]), values))
def test_what_passes_fits_the_schema(arguments: dict[str, Any]) -> None:
    """Arguments without problems have, nulls aside, only the schema's names, types and lengths."""
    written = tool(WRITTEN, max_characters=20, allow_resend=True)
    given_ones = {name: value for name, value in arguments.items() if value is not None}
    schema = tool_schema(written)
    fits = (
        set(given_ones) <= set(schema["properties"])
        and isinstance(given_ones.get("message"), str)
        and 1 <= len(given_ones["message"]) <= 20
        and bool(given_ones["message"].strip())
        and isinstance(given_ones.get("resend", False), bool)
        and not (set(arguments) - set(schema["properties"]))
    )
    assert (check_arguments(written, arguments) == ()) == fits
