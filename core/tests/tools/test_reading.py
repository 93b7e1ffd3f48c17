from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midcall.contract.errors import ConfigError
from midcall.contract.tool import (
    CustomerNumber,
    InferredContent,
    OtherNumber,
    PredefinedContent,
    TemplateContent,
    Tool,
)
from midcall.tools import read_tool_file, tool_from_json, tool_to_json, tool_warnings

FILES = Path(__file__).parent / "files"


def load(name: str) -> dict[str, Any]:
    """A published tool."""
    data: dict[str, Any] = json.loads((FILES / f"{name}.json").read_text())
    return data


def minimal(**more: Any) -> dict[str, Any]:
    """The smallest tool there is, and `more`."""
    return {
        "type": "send_sms",
        "name": "send_sms",
        "sms_content": {"type": "predefined", "text": "Hi"},
        **more,
    }


def problems(data: dict[str, Any], **kwargs: Any) -> tuple[str, ...]:
    """What is wrong with `data`."""
    with pytest.raises(ConfigError) as caught:
        tool_from_json(data, source="t.json", **kwargs)
    return caught.value.problems


@pytest.mark.parametrize("name", ["predefined", "inferred", "template", "newer"])
def test_published_json_comes_back_as_it_went_in(name: str) -> None:
    """What Retell publishes is read unchanged and written back field for field, unknown ones and their nulls included."""
    data = load(name)
    assert tool_to_json(tool_from_json(data, source=name)) == data


def test_what_each_kind_of_content_becomes() -> None:
    """The three kinds keep their own words."""
    static = read_tool_file(FILES / "predefined.json")
    written = read_tool_file(FILES / "inferred.json")
    template = read_tool_file(FILES / "template.json")
    assert isinstance(static.sms_content, PredefinedContent)
    assert static.sms_content.text == "Hi {{name}}, here is your link: https://example.com/b"
    assert isinstance(written.sms_content, InferredContent)
    assert written.sms_content.prompt == "Summarise the appointment in one sentence."
    assert isinstance(written.sms_destination, OtherNumber)
    assert written.sms_destination.phone_number == "{{customer_phone}}"
    assert not written.speak_after_execution
    assert isinstance(template.sms_content, TemplateContent)
    assert template.sms_content.template == "info_collection"
    assert template.wants_pool


def test_older_json_has_no_sender_destination_or_speaking() -> None:
    """JSON of SDKs before 6 is read with the defaults; null is absent, and left out speaking means true."""
    tool = read_tool_file(FILES / "older.json")
    assert isinstance(tool.sms_content, PredefinedContent)
    assert isinstance(tool.sms_destination, CustomerNumber)
    assert not tool.wants_pool
    assert tool.speak_during_execution
    assert tool.speak_after_execution
    assert tool_to_json(tool) == {
        "type": "send_sms",
        "name": "send_sms",
        "sms_content": {"type": "predefined", "text": "Your booking is confirmed."},
    }


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ({"text": "Hi"}, PredefinedContent),
        ({"prompt": "Say hi"}, InferredContent),
        ({"template": "info_collection"}, TemplateContent),
        ({"text": None, "prompt": "Say hi"}, InferredContent),
        ({"type": "inferred"}, InferredContent),
        ({"type": "inferred", "prompt": None}, InferredContent),
    ],
)
def test_the_type_of_content_is_told_from_its_field(content: dict[str, Any], kind: type[object]) -> None:
    """`sms_content.type` is optional in Retell's types: the one field that is filled tells it; a prompt may be missing."""
    assert isinstance(tool_from_json(minimal(sms_content=content), source="t").sms_content, kind)


@pytest.mark.parametrize(
    ("destination", "kind"),
    [
        ({"phone_number": "{{to}}"}, OtherNumber),
        ({"type": None, "phone_number": "+12025550142", "ignore_e164_validation": None}, OtherNumber),
        ({}, CustomerNumber),
        (None, CustomerNumber),
        ({"type": "phone_number", "phone_number": "40404", "ignore_e164_validation": True}, OtherNumber),
        ({"type": "phone_number", "phone_number": "+1{{area}}5550142"}, OtherNumber),
    ],
)
def test_destinations_that_can_be_used(destination: dict[str, Any] | None, kind: type[object]) -> None:
    """A missing destination type is told from the number; a variable or `ignore_e164_validation` lifts the check."""
    assert isinstance(tool_from_json(minimal(sms_destination=destination), source="t").sms_destination, kind)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"sms_content": {"type": "predefined"}},
            "t.json: sms_content.text: is missing; write the words to send",
        ),
        ({"sms_content": {"type": "predefined", "text": " \n"}}, "t.json: sms_content.text: is empty"),
        (
            {"sms_content": {"type": "predefined", "text": 5}},
            "t.json: sms_content.text: must be text in quotes",
        ),
        (
            {"sms_content": {"type": "predefined", "content": "Hi"}},
            't.json: sms_content.text: is missing; the words stand under "content", .* rename it to "text"',
        ),
        ({"sms_content": {"content": "Hi"}}, 'rename it to "text"'),
        (
            {"sms_content": {"type": "inferred", "content": "Hi"}},
            'sms_content.prompt: is missing; .* rename it to "prompt"',
        ),
        ({"sms_content": {}}, 't.json: sms_content.type: is missing; it is one of "predefined"'),
        ({"sms_content": {"text": "a", "prompt": "b"}}, "t.json: sms_content.type: is missing"),
        (
            {"sms_content": {"type": "static"}},
            't.json: sms_content.type: must be one of "predefined", "inferred"',
        ),
        ({"sms_content": None}, "t.json: sms_content: is missing; say what to send"),
        ({"sms_content": "Hi"}, "t.json: sms_content: must be an object"),
        (
            {"sms_content": {"type": "template"}},
            r"t.json: sms_content.template: is missing; name one of \[templates\]",
        ),
        ({"sms_content": {"text": "Hi {{name"}}, "sms_content.text: has a {{ that is never closed"),
        ({"sms_content": {"text": "Hi {{ }}"}}, "sms_content.text: has {{}} without a name"),
        (
            {"sms_sender": {"type": "my_number"}},
            't.json: sms_sender.type: must be "current_number" or "retell_long_code"',
        ),
        (
            {"sms_destination": {"type": "caller"}},
            'sms_destination.type: must be one of "customer_number", "phone_number"',
        ),
        (
            {"sms_destination": {"type": "phone_number"}},
            "t.json: sms_destination.phone_number: is missing; give a number",
        ),
        (
            {"sms_destination": {"phone_number": "{{to"}},
            "sms_destination.phone_number: has a {{ that is never closed",
        ),
        ({"type": "custom"}, 't.json: type: must be "send_sms"'),
        ({"name": "send sms"}, "t.json: name: may have letters, digits, _ and - only"),
        ({"name": None}, "t.json: name: is missing; give the tool a name"),
        ({"speak_during_execution": "perhaps"}, "t.json: speak_during_execution: must be true or false"),
        (
            {"execution_message_type": "words"},
            't.json: execution_message_type: must be "prompt" or "static_text"',
        ),
        ({"links": "some"}, 't.json: links: must be "any", "none"'),
        (
            {"links": ["https://example.com/x"]},
            r"t.json: links.0: 'https://example.com/x' is not a host name",
        ),
        ({"media": ["image.png"]}, "t.json: media.0: is not a URL"),
        ({"media": "https://example.com/a.png"}, r"t.json: media: must be a list, \[...\]"),
        ({"limits": {"per_day": 3}}, "t.json: limits.per_day: is not a limit; there are per_call"),
        ({"max_segments": "many"}, "t.json: max_segments: must be a whole number"),
        ({"max_segments": 11}, "t.json: max_segments: must be less than or equal to 10"),
        ({"countries": ["USA"]}, "t.json: countries: 'USA' is not a two-letter country code such as US"),
        ({"trust": ["signaling"]}, 't.json: trust.0: must be "signalling"'),
        ({"language": "English"}, "t.json: language: must be a language tag"),
    ],
)
def test_an_error_names_source_field_and_fix(change: dict[str, Any], expected: str) -> None:
    """Every problem is one sentence: where it is, what is wrong, what to do."""
    (problem,) = problems(minimal(**change))
    assert problem.startswith("t.json: ")
    assert re.search(expected.replace("{", r"\{"), problem), problem


@pytest.mark.parametrize("number", ["12025550142", "+1202555", "call me", "+0 202 555 0142"])
def test_a_number_that_cannot_be_texted_is_an_error_and_not_shown(number: str) -> None:
    """A fixed destination is checked when the tool is read, and no error shows the whole number."""
    (problem,) = problems(minimal(sms_destination={"type": "phone_number", "phone_number": number}))
    assert problem.startswith("t.json: sms_destination.phone_number: ")
    assert "+12025550142" in problem or "calling code" in problem
    assert "ignore_e164_validation" not in problem, "it would only move the error into the call"
    assert number not in problem


def test_every_problem_is_told_at_once() -> None:
    """Nobody has to run the check once per mistake."""
    found = problems(
        {"name": "a b", "sms_content": {"type": "predefined"}, "max_segments": 0, "limits": {"x": 1}}
    )
    assert [problem.split(": ")[1] for problem in found] == [
        "name",
        "sms_content.text",
        "max_segments",
        "limits.x",
    ]


def test_a_whole_agent_is_recognised() -> None:
    """Somebody who exports an agent instead of a tool is told which part is wanted."""
    (problem,) = problems({"name": "a", "general_tools": []})
    assert "general_tools" in problem


def test_the_configured_name_stands_in_and_must_not_differ() -> None:
    """`[tools.NAME]` names a tool without a name; a file that names itself otherwise is an error, since the URL has it."""
    data = minimal()
    del data["name"]
    assert tool_from_json(data, source="t", name="send_link").name == "send_link"
    (problem,) = problems(minimal(), name="send_link")
    assert problem == (
        "t.json: name: is 'send_sms', but the tool is configured as 'send_link'; give both the same name"
    )


def test_a_node_becomes_a_silent_tool_with_its_edges_kept() -> None:
    """An SMS node says nothing itself, is named by its id when its display name will not do, and loses no field."""
    data = load("node_static_text")
    tool = tool_from_json(data, source="node")
    assert tool.name == "node-1732"
    assert isinstance(tool.sms_content, PredefinedContent)
    assert tool.sms_content.text == data["instruction"]["text"]
    assert not tool.speak_during_execution
    assert not tool.speak_after_execution
    written = tool_to_json(tool)
    assert written["type"] == "send_sms"
    assert written["node_name"] == "Send the link"
    for field in ("id", "success_edge", "failed_edge", "display_position"):
        assert written[field] == data[field]
    assert tool_from_json(written, source="again") == tool
    assert tool_warnings(tool) == ()


@pytest.mark.parametrize(
    ("instruction", "content"),
    [
        ({"type": "prompt", "text": "Sum up"}, {"type": "inferred", "prompt": "Sum up"}),
        ({"type": "prompt"}, {"type": "inferred"}),
        (
            {"type": "template", "template": "info_collection"},
            {"type": "template", "template": "info_collection"},
        ),
        (
            {"type": "static_text", "text": "Hi", "tone": "warm"},
            {"type": "predefined", "text": "Hi", "tone": "warm"},
        ),
    ],
)
def test_a_nodes_instruction_has_the_same_three_kinds(
    instruction: dict[str, Any], content: dict[str, Any]
) -> None:
    """Node `prompt`, `static_text` and `template` are the tool's `inferred`, `predefined` and `template`."""
    tool = tool_from_json(
        {"type": "sms", "id": "n1", "instruction": instruction}, source="node", name="send_it"
    )
    assert tool.name == "send_it"
    assert tool_to_json(tool)["sms_content"] == content


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({"id": "n1"}, "t.json: instruction: is missing"),
        ({"id": "n1", "instruction": {"type": "say"}}, "t.json: instruction.type: is 'say'"),
        ({"id": "n1", "instruction": {"type": []}}, "t.json: instruction.type: is"),
        ({"id": "n1", "instruction": {"type": "static_text"}}, "t.json: instruction.text: is missing"),
        (
            {"id": "n1", "instruction": {"type": "static_text", "text": 3}},
            "t.json: instruction.text: must be text",
        ),
        ({"instruction": {"type": "prompt"}}, "t.json: name: is missing"),
    ],
)
def test_a_nodes_errors_name_the_nodes_own_fields(node: dict[str, Any], expected: str) -> None:
    """Whoever wrote a node never sees the tool's field names for it."""
    (problem,) = problems({"type": "sms", **node})
    assert problem.startswith(expected)


def test_extras_are_written_only_when_they_differ() -> None:
    """A tool without extras stays Retell's JSON; with extras, they are read again as the same."""
    tool = tool_from_json(
        minimal(
            max_segments=3,
            countries=["us", "CA"],
            trust=["argument", "signalling"],
            links=["example.com"],
            limits={"per_call": None},
            media=["https://example.com/map.png"],
        ),
        source="t",
    )
    written = tool_to_json(tool)
    assert "max_segments" not in written
    assert written["countries"] == ["US", "CA"]
    assert written["trust"] == ["argument", "signalling"]
    assert written["limits"]["per_call"] is None
    assert tool_from_json(written, source="again") == tool
    assert json.loads(json.dumps(written)) == written


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
unknown = st.dictionaries(
    st.text(min_size=1, max_size=8).map(lambda name: f"x_{name}"), json_values, max_size=3
)


@given(unknown, unknown, unknown, st.text(min_size=1).filter(lambda text: text.strip() and "{{" not in text))
def test_no_unknown_field_is_lost(top: Any, content: Any, sender: Any, text: str) -> None:
    """Whatever Retell adds, at any level, comes back as it was."""
    data = minimal(
        sms_content={"type": "predefined", "text": text, **content},
        sms_sender={"type": "retell_long_code", **sender},
        **top,
    )
    tool = tool_from_json(data, source="t")
    assert tool_to_json(tool) == data
    assert tool_from_json(tool_to_json(tool), source="t") == tool


FIELDS = [*Tool.model_fields, "instruction", "id", "node_name"]


@given(
    st.dictionaries(
        st.sampled_from(FIELDS), json_values | st.sampled_from(["send_sms", "sms", "predefined"]), max_size=9
    )
    | st.fixed_dictionaries(
        {"type": st.sampled_from(["send_sms", "sms"]), "name": st.just("a")},
        optional={
            "sms_content": st.dictionaries(
                st.sampled_from(["type", "text", "prompt", "template"]), json_values
            ),
            "sms_destination": st.dictionaries(st.sampled_from(["type", "phone_number"]), json_values),
            "instruction": st.dictionaries(st.sampled_from(["type", "text", "template"]), json_values),
        },
    )
)
def test_any_json_is_a_tool_or_a_config_error(data: dict[str, Any]) -> None:
    """Whatever stands in the file, the answer is a tool or whole sentences, never a traceback."""
    found: tuple[str, ...] | None = None
    try:
        tool = tool_from_json(data, source="t.json")
    except ConfigError as error:
        found = error.problems
    else:
        assert tool_from_json(tool_to_json(tool), source="t.json") == tool
        assert all(": " in warning for warning in tool_warnings(tool))
    assert found is None or (found and all(problem.startswith("t.json: ") for problem in found))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing, non-JSON or non-object file is named, with the place where that is known."""
    cases = {
        "broken.json": (b'{"type": "send_sms",\n oops}', "line 2, column 2: is not JSON"),
        "list.json": (b"[]", "a tool is one JSON object"),
        "latin.json": (b'{"name": "\xe9"}', "is not UTF-8"),
        "deep.json": (b"[" * 100_000, "is not usable JSON"),
    }
    for name, (content, expected) in cases.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ConfigError) as caught:
            read_tool_file(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert expected in str(caught.value)
    with pytest.raises(ConfigError, match=r"nothing\.json: cannot be read"):
        read_tool_file(tmp_path / "nothing.json")


def test_a_byte_order_mark_is_no_problem(tmp_path: Path) -> None:
    """Editors on Windows write one."""
    path = tmp_path / "tool.json"
    path.write_text(json.dumps(minimal()), encoding="utf-8-sig")
    assert read_tool_file(path, name="send_sms").name == "send_sms"
