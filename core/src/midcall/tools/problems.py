"""What is wrong with a tool, as sentences that name the field and the fix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from midcall.content import compile_template
from midcall.contract.tool import InferredContent, OtherNumber, PredefinedContent, Tool
from midcall.numbers import NumberError, parse_number


class Problem(NamedTuple):
    """One thing that is wrong: the field's path, and a phrase that follows it."""

    path: str
    phrase: str


_UNION_TAGS: Final = frozenset({"predefined", "inferred", "template", "customer_number", "phone_number"})

_MISSING: Final = {
    "name": "is missing; give the tool a name such as send_sms",
    "sms_content": 'is missing; say what to send: {"type": "predefined", "text": "..."}, '
    '{"type": "inferred", "prompt": "..."} or {"type": "template", "template": "..."}',
    "sms_content.text": "is missing; write the words to send, or make the type "
    '"inferred" to let the model write them',
    "sms_content.template": "is missing; name one of [templates]",
    "sms_destination.phone_number": "is missing; give a number such as +12025550142, or a {{variable}} that holds one",
}

_OF_FIELD: Final = {
    ("links", ""): 'must be "any", "none", or a list of host names such as ["example.com"]',
    ("type", ""): 'must be "send_sms" (a tool) or "sms" (a node of a conversation flow)',
    ("name", "string_pattern_mismatch"): "may have letters, digits, _ and - only, at most 64 of them",
    ("language", "string_pattern_mismatch"): "must be a language tag such as en or es-MX",
}
"""By path and pydantic's error type, or by path alone."""

_WANTED: Final = {
    "bool": "must be true or false",
    "dict": "must be an object, {...}",
    "float": "must be a number",
    "frozen_set": "must be a list, [...]",
    "int": "must be a whole number",
    "list": "must be a list, [...]",
    "model": "must be an object, {...}",
    "string": "must be text in quotes",
    "tuple": "must be a list, [...]",
}
"""By what pydantic's error types begin with."""


def sentences_for(problems: Iterable[Problem], *, source: str) -> tuple[str, ...]:
    """Whole sentences, each once: source, field, what is wrong and what to do."""
    return tuple(dict.fromkeys(f"{source}: {problem.path}: {problem.phrase}" for problem in problems))


def problems_of(subject: ValidationError | Tool, data: Mapping[str, Any]) -> list[Problem]:
    """What pydantic found, or, in a tool that pydantic accepts, what only makes no sense. `data` is what was read."""
    if isinstance(subject, Tool):
        return [*_content(subject), *_destination(subject), *_media(subject), *_links(subject)]
    return [_translated(details, data) for details in subject.errors(include_url=False)]


def _translated(details: ErrorDetails, data: Mapping[str, Any]) -> Problem:
    """One of pydantic's errors in our words. The value itself is not told: it may be a phone number."""
    path = _path(details["loc"])
    kind = details["type"]
    context = details.get("ctx", {})
    if phrase := _OF_FIELD.get((path, kind)) or _OF_FIELD.get((path, "")):
        return Problem(path, phrase)
    match kind:
        case "missing":
            return Problem(path, _missing(path, data))
        case "union_tag_not_found":
            return Problem(f"{path}.type", 'is missing; it is one of "predefined", "inferred" and "template"')
        case "union_tag_invalid":
            return Problem(f"{path}.type", f"must be one of {_quoted(context.get('expected_tags'))}")
        case "literal_error" | "enum":
            return Problem(path, f"must be {_quoted(context.get('expected'))}")
        case "extra_forbidden":
            return Problem(path, "is not a limit; there are per_call, per_number and per_hour")
        case "value_error":
            return Problem(path, str(context["error"]))
    wanted = next((phrase for begins, phrase in _WANTED.items() if kind.startswith(f"{begins}_")), None)
    if wanted is not None and kind.endswith(("_type", "_parsing", "_from_float")):
        return Problem(path, wanted)
    return Problem(
        path, details["msg"].replace("Input should be", "must be").replace("String should", "must")
    )


def _quoted(expected: object) -> str:
    """Pydantic's list of what it expects, quoted as JSON is."""
    return str(expected).replace("'", '"')


def _path(loc: tuple[int | str, ...]) -> str:
    """`sms_content.text`: pydantic's path without the tags of unions, which no reader of the JSON has ever seen."""
    if loc[0] == "links":
        return "links"
    kept = [part for at, part in enumerate(loc) if not (at == 1 and len(loc) > 2 and part in _UNION_TAGS)]
    return ".".join(str(part) for part in kept)


def _missing(path: str, data: Mapping[str, Any]) -> str:
    content = data.get("sms_content")
    if path == "sms_content.text" and isinstance(content, Mapping) and "content" in content:
        return 'is missing; the words stand under "content", which Retell does not have: rename it to "text"'
    if path == "sms_content" and "general_tools" in data:
        return "is missing; this is a whole agent: give one of its general_tools, the one of type send_sms"
    return _MISSING.get(path, "is missing")


def _braces(path: str, text: str) -> list[Problem]:
    template = compile_template(text)
    if template.unclosed:
        return [Problem(path, "has a {{ that is never closed; write variables as {{name}}")]
    if "" in template.names:
        return [Problem(path, "has {{}} without a name; write variables as {{name}}")]
    return []


def _content(tool: Tool) -> list[Problem]:
    content = tool.sms_content
    if isinstance(content, PredefinedContent):
        if not content.text.strip() and not tool.media:
            return [Problem("sms_content.text", "is empty; write the words to send")]
        return _braces("sms_content.text", content.text)
    if (
        isinstance(content, InferredContent)
        and not content.prompt
        and (content.model_extra or {}).get("content")
    ):
        return [
            Problem(
                "sms_content.prompt",
                'is missing; the words stand under "content", which Retell does not have: rename it to "prompt"',
            )
        ]
    return []


def _destination(tool: Tool) -> list[Problem]:
    destination = tool.sms_destination
    if not isinstance(destination, OtherNumber):
        return []
    path = "sms_destination.phone_number"
    if problems := _braces(path, destination.phone_number):
        return problems
    template = compile_template(destination.phone_number)
    if template.names or template.dynamic or destination.ignore_e164_validation:
        return []
    try:
        parse_number(destination.phone_number)
    except NumberError as error:
        fix = (
            ""
            if error.code in ("not_a_number", "not_e164")
            else "; write it in full, with + and the country's calling code"
        )
        return [Problem(path, f"{error}{fix}")]
    return []


def _media(tool: Tool) -> list[Problem]:
    problems = []
    for at, url in enumerate(tool.media):
        path = f"media.{at}"
        problems += _braces(path, url)
        if not url.startswith(("https://", "http://", "{{")):
            problems.append(Problem(path, "is not a URL; give one that the carrier can fetch, https://..."))
    return problems


def _links(tool: Tool) -> list[Problem]:
    if isinstance(tool.links, str):
        return []
    return [
        Problem(f"links.{at}", f"{host!r} is not a host name; write example.com, without https:// and path")
        for at, host in enumerate(tool.links)
        if not host.strip() or any(mark in host for mark in "/: ")
    ]
