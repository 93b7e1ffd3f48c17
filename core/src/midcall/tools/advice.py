"""What is allowed in a tool and still most likely a slip: warnings, logged at the start."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from pydantic import BaseModel

from midcall.content import compile_template, count_segments
from midcall.contract.outcomes import SENTENCE_KEYS
from midcall.contract.tool import OtherNumber, PredefinedContent, TemplateContent, Tool
from midcall.numbers import NumberError, parse_number
from midcall.tools.fields import CONTENT_FIELD, EXTRA_FIELDS, RETELL_FIELDS

_SINGLE_BRACES: Final = re.compile(r"(?<!\{)\{ *([A-Za-z_]\w*) *\}(?!\})")
# Takes "country" for "countries", and none of the other fields Retell publishes for tools and nodes for one of ours.
_CLOSE: Final = 0.75
_NUMBER_FIELDS: Final = (
    "phone_number",
    "ignore_e164_validation",
)  # near misses of them make a customer_number


def tool_warnings(tool: Tool) -> tuple[str, ...]:
    """What looks like a slip in a tool that can be used, one sentence each: the field, what is odd, what to do."""
    return (
        *_speaking(tool),
        *_content(tool),
        *_destination(tool),
        *_countries(tool),
        *_sentences(tool),
        *_near_misses(tool),
    )


def _speaking(tool: Tool) -> Iterable[str]:
    if tool.execution_message_description and not tool.speak_during_execution:
        yield (
            "execution_message_description: is never said, because speak_during_execution is false; "
            "set that to true, or remove the words"
        )
    if (
        tool.speak_during_execution
        and tool.execution_message_type == "static_text"
        and not (tool.execution_message_description or "").strip()
    ):
        yield 'execution_message_description: is missing; with execution_message_type "static_text" it holds the words to say'


def _content(tool: Tool) -> Iterable[str]:
    content = tool.sms_content
    if tool.wants_pool and not isinstance(content, TemplateContent):
        yield (
            "sms_sender.type: Retell's own pool sends templates only; "
            'use sms_content of type "template", or a pool of your own whose content is "any"'
        )
    unused = [field for field in CONTENT_FIELD.values() if field in (content.model_extra or {})]
    for field in unused:
        if (content.model_extra or {})[field] is not None:
            yield f'sms_content.{field}: is not used, because the type is "{content.type}"; remove it, or change the type'
    if isinstance(content, PredefinedContent):
        for name in dict.fromkeys(_SINGLE_BRACES.findall(content.text)):
            yield f"sms_content.text: {{{name}}} is sent as it stands; write variables as {{{{{name}}}}}"
        template = compile_template(content.text)
        segments = count_segments(content.text).count
        if not template.names and not template.dynamic and segments > tool.max_segments:
            yield (
                f"sms_content.text: takes {segments} segments and max_segments is {tool.max_segments}, so it is "
                "never sent; shorten the text, or raise max_segments"
            )


def _destination(tool: Tool) -> Iterable[str]:
    destination = tool.sms_destination
    if not isinstance(destination, OtherNumber) or not destination.ignore_e164_validation:
        return
    try:
        parse_number(destination.phone_number)
    except NumberError:
        yield (
            "sms_destination.ignore_e164_validation: has no effect once the tool is loaded: Midcall still needs a number it "
            "can read, because country rules depend on it; give one such as +12025550142, or a {{variable}} that holds one"
        )


def _countries(tool: Tool) -> Iterable[str]:
    if not tool.countries:
        return
    import phonenumbers  # 30 ms: only for tools that name countries

    for country in tool.countries:
        if country not in phonenumbers.SUPPORTED_REGIONS:
            instead = " (the United Kingdom is GB)" if country == "UK" else ""
            yield f"countries: no phone number is in {country}; use codes of ISO 3166-1 such as US{instead}"


def _sentences(tool: Tool) -> Iterable[str]:
    for language, sentences in tool.sentences.items():
        for key in sentences:
            if key not in SENTENCE_KEYS:
                nearest = get_close_matches(key, sorted(SENTENCE_KEYS), n=1, cutoff=_CLOSE)
                meant = (
                    f"did you mean {nearest[0]}?" if nearest else "use a status such as accepted, or a reason"
                )
                yield f"sentences.{language}.{key}: is never said; it is neither a status nor a reason: {meant}"


def _near_misses(tool: Tool) -> Iterable[str]:
    yield from _misspelt("", tool, (*RETELL_FIELDS, *EXTRA_FIELDS))
    for part in ("sms_content", "sms_sender", "sms_destination"):
        held: BaseModel = getattr(tool, part)
        known = (*type(held).model_fields, *(_NUMBER_FIELDS if part == "sms_destination" else ()))
        yield from _misspelt(f"{part}.", held, known)


def _misspelt(where: str, part: BaseModel, known: tuple[str, ...]) -> Iterable[str]:
    """Unknown fields are kept, since Retell adds some every month; one that is almost a known name is a slip."""
    for field in part.model_extra or {}:
        plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", field).lower().replace("-", "_").replace(" ", "_")
        nearest = get_close_matches(plain, known, n=1, cutoff=_CLOSE)
        if nearest:
            yield f"{where}{field}: is not a field, and has no effect; did you mean {nearest[0]}?"
