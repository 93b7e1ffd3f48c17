"""From JSON to a `Tool`: Retell's `send_sms` as published, older and half-filled forms of it, and the SMS node of a flow."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from midcall.contract.errors import ConfigError
from midcall.contract.tool import Tool
from midcall.tools.fields import CONTENT_FIELD, NODE_CONTENT
from midcall.tools.problems import Problem, problems_of, sentences_for

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def read_tool_file(path: Path, *, name: str | None = None) -> Tool:
    """Read one tool from a JSON file; `name` as in `tool_from_json`.

    Raises `ConfigError`, with the path as given in front of every problem.
    """
    source = str(path)
    try:
        text = path.read_text(encoding="utf-8-sig")  # editors on Windows like to write a byte-order mark
    except OSError as error:
        raise ConfigError(f"{source}: cannot be read ({error.strerror or error}); check the path") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{source}: is not UTF-8 text; save it as UTF-8") from None
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{source}: line {error.lineno}, column {error.colno}: is not JSON ({error.msg})"
        ) from None
    except (ValueError, RecursionError):
        raise ConfigError(
            f"{source}: is not usable JSON: a number is too long, or it is nested too deeply"
        ) from None
    if not isinstance(data, dict):
        raise ConfigError(f"{source}: a tool is one JSON object, {{...}}; give each tool a file of its own")
    return tool_from_json(data, source=source, name=name)


def tool_from_json(data: Mapping[str, Any], *, source: str, name: str | None = None) -> Tool:
    """Read one tool from its JSON (or the same keys out of TOML).

    Taken are Retell's `send_sms` tool, with or without the fields its older SDKs lack, and the SMS node of a conversation
    flow. Null means absent. A missing `type` inside `sms_content` or `sms_destination` is told from the fields beside it.
    Unknown fields are kept at every level. `name` is the name under `[tools]`: it stands in where the JSON has none, and a
    `send_sms` that calls itself something else is an error.

    A node becomes a tool that says nothing before or after, as nodes do. It is called `name`, else its own `name` (a
    display name: used if it can be a tool's name), else its `id`. Its other fields, edges included, are kept as unknown
    ones; a display name that was not used is kept as `node_name`.

    `source` (a file, `midcall.toml: tools.send_sms`) begins every sentence of the `ConfigError` that is raised when
    something is wrong; all problems are told at once.
    """
    if data.get("type") == "sms":
        plain, problems = _from_node(data, name)
    else:
        plain, problems = _from_tool(data, name)
    if problems:
        raise ConfigError(*sentences_for(problems, source=source))
    try:
        tool = Tool.model_validate(plain)
    except ValidationError as error:
        raise ConfigError(*sentences_for(problems_of(error, plain), source=source)) from None
    if problems := problems_of(tool, plain):
        raise ConfigError(*sentences_for(problems, source=source))
    return tool


def _from_tool(data: Mapping[str, Any], name: str | None) -> tuple[dict[str, Any], list[Problem]]:
    problems = []
    plain = dict(data)
    own = plain.get("name")
    if own is None and name is not None:
        plain["name"] = name
    elif name is not None and own != name:
        problems.append(
            Problem("name", f"is {own!r}, but the tool is configured as {name!r}; give both the same name")
        )
    plain["sms_content"] = _with_content_type(plain.get("sms_content"))
    plain["sms_destination"] = _with_destination_type(plain.get("sms_destination"))
    return plain, problems


def _from_node(data: Mapping[str, Any], name: str | None) -> tuple[dict[str, Any], list[Problem]]:
    problems = []
    plain = {key: value for key, value in data.items() if key not in {"type", "name", "instruction"}}
    plain["type"] = "send_sms"
    for spoken in ("speak_during_execution", "speak_after_execution"):
        if plain.get(spoken) is None:
            plain[spoken] = False
    plain["sms_destination"] = _with_destination_type(plain.get("sms_destination"))

    shown = data.get("name")
    usable = isinstance(shown, str) and _NAME.fullmatch(shown) is not None
    plain["name"] = name or (shown if usable else data.get("id"))
    if shown is not None and shown != plain["name"]:
        plain["node_name"] = shown

    instruction = data.get("instruction")
    if not isinstance(instruction, Mapping):
        problems.append(
            Problem("instruction", 'is missing; an SMS node has {"type": "static_text", "text": "..."}')
        )
    elif not isinstance(kind := instruction.get("type"), str) or kind not in NODE_CONTENT:
        problems.append(
            Problem("instruction.type", f"is {kind!r}; an SMS node has one of {', '.join(NODE_CONTENT)}")
        )
    else:
        plain["sms_content"] = _content_of_node(instruction, NODE_CONTENT[kind], problems)
    return plain, problems


def _content_of_node(instruction: Mapping[str, Any], kind: str, problems: list[Problem]) -> dict[str, Any]:
    """The node keeps a prompt under `text`; the tool under `prompt`."""
    written = "template" if kind == "template" else "text"
    content = {key: value for key, value in instruction.items() if key not in {"type", written}}
    content["type"] = kind
    words = instruction.get(written)
    if isinstance(words, str):
        content[CONTENT_FIELD[kind]] = words
    elif words is not None:
        problems.append(Problem(f"instruction.{written}", "must be text in quotes"))
    elif kind != "inferred":
        problems.append(Problem(f"instruction.{written}", "is missing; it says what is sent"))
    return content


def _with_content_type(content: object) -> object:
    """`sms_content` with its `type`: Retell's published types make it optional, but one of the other fields tells it."""
    if not isinstance(content, Mapping):
        return content
    plain = dict(content)
    if plain.get("type") is None:
        plain.pop("type", None)
        kinds = [kind for kind, held in CONTENT_FIELD.items() if plain.get(held) is not None]
        if not kinds and plain.get("content") is not None:
            kinds = ["predefined"]  # so that the error is about the misnamed text, not about the type
        if len(kinds) == 1:
            plain["type"] = kinds[0]
    return plain


def _with_destination_type(destination: object) -> object:
    """`sms_destination` with its `type`."""
    if not isinstance(destination, Mapping):
        return destination
    plain = dict(destination)
    if plain.get("type") is None:
        plain["type"] = "customer_number" if plain.get("phone_number") is None else "phone_number"
    return plain
