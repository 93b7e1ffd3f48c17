"""The arguments a model may give a tool: their JSON schema, and what is wrong with those it gave.

There are three. `message` is the text, for content of kind `inferred`. `to` is a number, for tools that trust the
model with one. `resend` asks for the same text once more, for tools that allow it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from midcall.contract.messages import Trust
from midcall.contract.tool import InferredContent, Tool


def tool_schema(tool: Tool) -> dict[str, Any]:
    """The JSON schema (an object schema, closed) of the arguments the model may give.

    The prompt of inferred content becomes the description of `message`: that is where the model reads it. Lengths are in
    characters.
    """
    properties: dict[str, Any] = {}
    required = []
    if isinstance(tool.sms_content, InferredContent):
        written = f"The text message to send, in plain words, at most {tool.max_characters} characters."
        properties["message"] = {
            "type": "string",
            "description": " ".join(part for part in (written, tool.sms_content.prompt.strip()) if part),
            "minLength": 1,
            "maxLength": tool.max_characters,
        }
        required.append("message")
    if Trust.ARGUMENT in tool.trust:
        properties["to"] = {
            "type": "string",
            "description": "The phone number to text instead of the usual one, as +12025550142. Only if it was asked for.",
        }
    if tool.allow_resend:
        properties["resend"] = {
            "type": "boolean",
            "description": "true only if the text was sent before, did not arrive, and was asked for again.",
        }
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def check_arguments(tool: Tool, arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """What is wrong with a tool call's arguments, one sentence each; empty when nothing is.

    The rules are those of `tool_schema`, with two differences learnt from models: null counts as not given, and a
    message or a number of nothing but spaces counts as missing. The values are never repeated in the sentences.
    """
    allowed = tool_schema(tool)["properties"]
    takes = f"it takes {' and '.join(allowed)}" if allowed else "it takes none"
    problems = [
        f"{name[:40]}: this tool has no such argument; {takes}" for name in arguments if name not in allowed
    ]
    if "message" in allowed:
        problems += _message(arguments.get("message"), tool.max_characters)
    if "to" in allowed and (to := arguments.get("to")) is not None:
        if not isinstance(to, str):
            problems.append("to: must be text, a phone number such as +12025550142")
        elif not to.strip():
            problems.append("to: is empty; leave it out to text the usual number")
    if (
        "resend" in allowed
        and (resend := arguments.get("resend")) is not None
        and not isinstance(resend, bool)
    ):
        problems.append("resend: must be true or false")
    return tuple(problems)


def _message(message: object, longest: int) -> list[str]:
    if message is None:
        return ["message: is missing; give the text to send"]
    if not isinstance(message, str):
        return ["message: must be text"]
    if not message.strip():
        return ["message: is empty; give the text to send"]
    if len(message) > longest:
        return [f"message: has {len(message)} characters; write it shorter, at most {longest}"]
    return []
