"""Core's renderer, asked last: static text, a template of the operator's, or the model's own `message`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from midcall.content import Rendered, Variables, compile_template, is_clock
from midcall.contract.calls import Call
from midcall.contract.errors import ContentRefused
from midcall.contract.markers import hookimpl
from midcall.contract.messages import Content
from midcall.contract.reasons import Reason
from midcall.contract.tool import InferredContent, PredefinedContent, Tool

MESSAGE = "message"
"""The argument in which the model's own text arrives."""

# Control characters do nothing on a phone but confuse; the bidirectional overrides can make a link read as another one. Half
# of a surrogate pair, which models do write, can be neither stored nor sent.
_NOT_FOR_PHONES = re.compile(
    r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)

# The host and what ends it. A backslash ends it for browsers only, so it is not among them.
_NAMES_ITS_HOST = re.compile(r"https?://[^\s/\\?#]+[/?#]", re.IGNORECASE)


class CoreContent:
    """Renders by Retell's variable rules; `templates` are the operator's, by name; `variables_of` gives a call's values."""

    def __init__(self, templates: Mapping[str, str], variables_of: Callable[[Call], Variables]) -> None:
        self._templates = templates
        self._variables_of = variables_of

    @hookimpl(trylast=True)
    def midcall_render_content(self, call: Call, tool: Tool, arguments: Mapping[str, Any]) -> Content:
        """The tool's content with its variables put in. Raises `ContentRefused`."""
        variables = self._variables_of(call)
        media = tuple(self._medium(at, url, variables) for at, url in enumerate(tool.media))
        wanted = tool.sms_content
        if isinstance(wanted, InferredContent):
            text = self._message(tool, arguments)
            return Content(text=text, media=media, identity=text)
        if isinstance(wanted, PredefinedContent):
            return self._filled(wanted.text, variables, media, template=None, where="sms_content.text")
        if wanted.template not in self._templates:
            raise ContentRefused(
                Reason.UNKNOWN_TEMPLATE,
                f"tool {tool.name!r} asks for template {wanted.template!r}; write its text under [templates] "
                f"(the wording of Retell's own templates is not published)",
            )
        where = f"templates.{wanted.template}"
        return self._filled(
            self._templates[wanted.template], variables, media, template=wanted.template, where=where
        )

    def _medium(self, at: int, source: str, variables: Variables) -> str:
        """A media URL with its variables put in. They may fill its path, never choose its host: a caller could say one."""
        template = compile_template(source)
        if (template.names or template.dynamic) and not _NAMES_ITS_HOST.match(source.partition("{{")[0]):
            raise ContentRefused(
                Reason.MEDIA_NOT_SUPPORTED,
                f"media.{at} leaves its host to a variable; write the host out and let variables fill the path, as in "
                "https://example.com/{{file}}",
            )
        return _clean(self._fill(source, variables, "media").text)

    def _filled(
        self, source: str, variables: Variables, media: tuple[str, ...], *, template: str | None, where: str
    ) -> Content:
        rendered = self._fill(source, variables, where)
        found = {name: variables.find(name) for name in sorted(rendered.used) if not is_clock(name)}
        values = [f"{name}={value.text}" for name, value in found.items() if value is not None]
        return Content(
            text=_clean(rendered.text),
            media=media,
            template=template,
            identity="\x1f".join([source, *values]),
        )

    def _fill(self, source: str, variables: Variables, where: str) -> Rendered:
        rendered = compile_template(source).render(variables)
        if rendered.unresolved:
            names = ", ".join(f"{{{{{name}}}}}" for name in rendered.unresolved)
            raise ContentRefused(
                Reason.UNRESOLVED_VARIABLE,
                f"{where} needs {names}, which this call has no value for; set it for the call or give it a default",
            )
        return rendered

    def _message(self, tool: Tool, arguments: Mapping[str, Any]) -> str:
        message = arguments.get(MESSAGE)
        if not isinstance(message, str):
            raise ContentRefused(
                Reason.INVALID_ARGUMENTS,
                f"tool {tool.name!r} takes its text from the argument 'message', a string; the model sent "
                f"{'nothing' if message is None else type(message).__name__}",
            )
        text = _clean(message).strip()
        if len(text) > tool.max_characters:
            raise ContentRefused(
                Reason.CONTENT_TOO_LONG,
                f"the model's message has {len(text)} characters, tool {tool.name!r} takes {tool.max_characters}",
            )
        return text


def _clean(text: str) -> str:
    return _NOT_FOR_PHONES.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))
