"""The parts of the documentation that are made from the code, so that they cannot fall behind it.

A page marks such a part with `<!-- generated: NAME -->` and `<!-- end -->`; `python docs/_generate.py` writes what stands
between. A test makes them again and compares. Parts about a plugin that is not installed are left as they are.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import click
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from midcall.cli.exits import Exit
from midcall.cli.main import midcall as command_line
from midcall.contract import hookspecs
from midcall.contract.carrier import CarrierSettings
from midcall.contract.outcomes import Status
from midcall.contract.reasons import Reason
from midcall.contract.tool import Limits, PredefinedContent, Tool
from midcall.ledger.states import table_as_markdown
from midcall.sending.outcomes import STATUS_OF
from midcall.sending.sentences import BUILT_IN, sentence
from midcall.settings import settings_reference
from midcall.tools.fields import EXTRA_FIELDS, RETELL_FIELDS

DOCS = Path(__file__).parent
MARKED = re.compile(
    r"(?P<begin><!-- generated: (?P<name>[a-z-]+) -->\n)(?P<body>.*?)(?P<end><!-- end -->)", re.DOTALL
)
COMMAND = "python docs/_generate.py"

MEANINGS: Mapping[str, str] = {
    "type": "Always `send_sms`.",
    "name": "Letters, digits, `_` and `-`, at most 64. Under `[tools.NAME]` it is NAME.",
    "description": "When the model should call it.",
    "sms_content": (
        '`{type = "predefined", text = "..."}` static text with `{{variables}}`; `{type = "inferred", prompt = "..."}` the '
        'model writes it, into the argument `message`; `{type = "template", template = "..."}` a text of `[templates]`.'
    ),
    "sms_sender": (
        '`{type = "current_number"}` the number the call is on; `{type = "retell_long_code"}` the pool, which needs a '
        "plugin that offers one."
    ),
    "sms_destination": (
        '`{type = "customer_number"}` the person on the call; `{type = "phone_number", phone_number = "..."}` a number, '
        "or a `{{variable}}` that holds one."
    ),
    "speak_during_execution": "Whether the agent talks while the text is sent.",
    "execution_message_type": "Whether the next field is a prompt or the very words.",
    "execution_message_description": "What to say meanwhile.",
    "speak_after_execution": "Whether the agent speaks once the answer is there.",
    "max_segments": "Most segments one text may take; a longer one is refused.",
    "limits": "A table: `per_call` in one call, `per_number` to one destination and `per_hour` by this tool, the last two in any "
    "60 minutes.",
}
"""What is said of fields that have no docstring of their own: Retell's, mostly."""

LONGEST_CODE = 96
"""Columns of code that a page shows without a scroll bar."""

IN_DOUBT = frozenset({Reason.CARRIER_SILENT, Reason.CRASHED})
"""Reasons of a text that may have been sent; all others are of one that was not, or did not arrive."""


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; bars inside cells are escaped."""
    lines = [list(columns)]
    lines.append(["---"] * len(lines[0]))
    lines += [[" ".join(cell.split()).replace("|", r"\|") for cell in row] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def code(text: str) -> str:
    """`text` as code, nothing if it is empty."""
    return f"`{text}`" if text else ""


def wrapped(words: str) -> list[str]:
    """The paragraphs of a docstring, in lines of a page's length; options as code, or their dashes would become one."""
    words = re.sub(r"(?<![`\w-])--[a-z][a-z-]*", r"`\g<0>`", words)
    return [
        "\n".join(textwrap.wrap(" ".join(each.split()), 118)) + "\n" for each in words.split("\n\n") if each
    ]


def outcomes() -> str:
    """Every status: what is known, which states it stands for, what the agent says."""
    known = dict(re.findall(r"^ *([a-z]+) {2,}(\S.*)$", Status.__doc__ or "", re.MULTILINE))
    rows = []
    for status in Status:
        states = ", ".join(code(state.value) for state, told in STATUS_OF.items() if told is status)
        rows.append((code(status.value), known[status.value], states, BUILT_IN["en"][status.value]))
    return table(("status", "what is known", "the text is", "in English the agent says"), rows)


def settings() -> str:
    """The keys of `midcall.toml`."""
    rows = [
        (
            code(row.key),
            row.type,
            _plain_default(row.default),
            f"{row.meaning} {row.variable and f'<br>`{row.variable}`'}".strip(),
        )
        for row in settings_reference()
        if row.key
    ]
    return table(("key", "type", "default", "meaning"), rows)


def variables() -> str:
    """Environment variables that are no setting."""
    rows = [(code(row.variable), row.meaning) for row in settings_reference() if not row.key]
    return table(("variable", "meaning"), rows)


def retell_fields() -> str:
    """A tool's fields that are Retell's own."""
    return table(("key", "type", "default", "meaning"), _fields(Tool, RETELL_FIELDS))


def extra_fields() -> str:
    """A tool's fields that are Midcall's."""
    limits = [(f"`limits.{name}`", *rest) for name, *rest in _limits()]
    return table(("key", "type", "default", "meaning"), [*_fields(Tool, EXTRA_FIELDS), *limits])


def _limits() -> Iterator[tuple[str, str, str, str]]:
    words = re.sub(r"\s+", " ", Limits.__doc__ or "")
    for name, field in Limits.model_fields.items():
        found = re.search(rf"`{name}`: (.+?)\.", words)
        assert found is not None, f"the docstring of Limits does not mention {name}"
        yield name, _type(field.annotation), _default_cell(field), found[1].capitalize() + "."


def account_fields() -> str:
    """What the settings of every carrier have."""
    words = {
        "base_url": "Where the carrier's API is: a simulator, a proxy, a region. Empty: the carrier's own.",
        "timeout": "Longest one request may take, in seconds; at most 15.",
    }
    rows = [
        (code(name), _type(field.annotation), _default_cell(field), words[name])
        for name, field in CarrierSettings.model_fields.items()
    ]
    return table(("key", "type", "default", "meaning"), rows)


def twilio_fields() -> str | None:
    """What an account of Twilio has besides."""
    if find_spec("midcall_twilio") is None:
        return None
    from midcall_twilio import TwilioSettings

    words = {
        "account_sid": "The account's SID, `AC...`.",
        "auth_token": "The primary auth token. It also verifies callbacks, so it is needed beside an API key.",
        "api_key_secret": "The secret that goes with `api_key`.",
    }
    return _plugin_fields(TwilioSettings, words, without=CarrierSettings.model_fields)


def retell_settings() -> str | None:
    """What an instance of Retell has."""
    if find_spec("midcall_retell") is None:
        return None
    from midcall_retell import RetellSettings

    words = {
        "api_key": "The API key with the webhook badge, the only one that signs.",
        "tolerance_s": "How far a signature's time may be from ours, in seconds.",
    }
    return _plugin_fields(RetellSettings, words)


def _plugin_fields(model: Any, words: Mapping[str, str], *, without: Iterable[str] = ()) -> str:
    skipped = set(without)
    documented = docstrings(model)
    rows = []
    for name, field in model.model_fields.items():
        if name not in skipped:
            customary = model.customary.get(name, "")
            meaning = words.get(name) or documented[name]
            rows.append((code(name), _type(field.annotation), _default_cell(field), meaning, code(customary)))
    return table(("key", "type", "default", "meaning", "customary variable"), rows)


def _fields(model: type[BaseModel], names: Iterable[str]) -> list[tuple[str, str, str, str]]:
    documented = docstrings(model)
    return [
        (
            code(name),
            _type(model.model_fields[name].annotation),
            _default_cell(model.model_fields[name]),
            documented.get(name) or MEANINGS[name],
        )
        for name in names
    ]


def docstrings(model: type) -> dict[str, str]:
    """The words that stand under a class's fields."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for field, words in zip(tree.body, tree.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(words, ast.Expr)
            and isinstance(words.value, ast.Constant)
            and isinstance(words.value.value, str)
        ):
            found[field.target.id] = " ".join(words.value.value.split())
    return found


_TYPES: Mapping[Any, str] = {
    bool: "true or false",
    float: "number",
    int: "whole number",
    str: "text",
    SecretStr: "secret text",
}


def _type(annotation: Any) -> str:
    if annotation in _TYPES:
        return _TYPES[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f'`"{argument}"`' for argument in arguments)
    if origin in {Union, UnionType}:
        kinds = dict.fromkeys(_type(each) for each in arguments if each is not type(None))
        return " or ".join(kinds)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "table"
    if origin in {tuple, frozenset}:
        inner = arguments[0]
        enumerated = isinstance(inner, type) and issubclass(inner, Enum)
        return "list of " + (", ".join(f'`"{each.value}"`' for each in inner) if enumerated else _type(inner))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "table"
    return _type(arguments[0])


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "unset"
    if isinstance(value, BaseModel):
        return json.dumps(value.model_dump(mode="json", exclude_none=True))
    if isinstance(value, frozenset):
        return json.dumps(sorted(each.value for each in value))
    return json.dumps(value)


def _default_cell(field: FieldInfo) -> str:
    return _plain_default(_default(field))


def _plain_default(default: str) -> str:
    return default if default in {"required", "unset", "none", "NAME"} else code(default)


def reasons() -> str:
    """Every reason, in the groups it is declared in."""
    parts, rows = list[str](), list[tuple[str, str, str]]()
    for line in inspect.getsource(Reason).splitlines():
        if line.startswith("    # "):
            _flush(parts, rows)
            parts.append(f"### {line.removeprefix('    # ')}\n\n")
        elif member := re.match(r" {4}([A-Z_]+) = ", line):
            reason = Reason[member[1]]
            rows.append((code(reason.value), reason.meaning, english(reason)))
    _flush(parts, rows)
    return "".join(parts).rstrip("\n") + "\n"


def _flush(parts: list[str], rows: list[tuple[str, str, str]]) -> None:
    if rows:
        parts.append(table(("reason", "meaning", "in English the agent says"), rows) + "\n")
        rows.clear()


def english(reason: Reason) -> str:
    """What the agent says when a tool has no sentences of its own."""
    tool = Tool(name="send_sms", sms_content=PredefinedContent(type="predefined", text="Hi"))
    status = Status.UNKNOWN if reason in IN_DOUBT else Status.REJECTED
    return sentence(tool, language="en", status=status, reason=reason, duplicate=False)


def twilio_codes() -> str | None:
    """Twilio's codes and what they become."""
    if find_spec("midcall_twilio") is None:
        return None
    from midcall_twilio import code_table

    rows = [
        (code(number), when, becomes, code(reason), scope, meaning)
        for number, when, becomes, reason, scope, meaning in code_table()
    ]
    return table(("code", "when", "result", "reason", "scope", "Twilio means"), rows)


HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("midcall_"))
_COMBINED = re.compile(r"Asked: (?P<asked>.+?)\. Combined: (?P<combined>.+?)[.;]\s")


def hook_table() -> str:
    """Every hook in a row."""
    rows = []
    for name in HOOKS:
        words = " ".join((inspect.getdoc(getattr(hookspecs, name)) or "").split())
        found = _COMBINED.search(words)
        assert found is not None, f"the docstring of {name} does not say who is asked and how answers combine"
        question = words.partition("Asked:")[0].strip()
        rows.append((f"[`{name}`](#{name})", question, found["asked"], found["combined"]))
    return table(("hook", "what it is for", "asked", "answers combine"), rows)


def hooks() -> str:
    """Every hook's own words, signature and example."""
    return "\n".join(_hook(name) for name in HOOKS)


def _hook(name: str) -> str:
    words, _, example = (inspect.getdoc(getattr(hookspecs, name)) or "").partition("\n\nExample::\n")
    parts = [f"### {name}\n", f"```text\n{_signature(name)}\n```\n"]
    parts += wrapped(words)
    if example:
        parts.append(f"```python\n{textwrap.dedent(example).strip()}\n```\n")
    return "\n".join(parts)


def _signature(name: str) -> str:
    signature = inspect.signature(getattr(hookspecs, name))
    arguments = [f"{each.name}: {each.annotation}" for each in signature.parameters.values()]
    line = f"{name}({', '.join(arguments)}) -> {signature.return_annotation}"
    if len(line) <= LONGEST_CODE:
        return line
    return "\n".join(
        [f"{name}(", *(f"    {each}," for each in arguments), f") -> {signature.return_annotation}"]
    )


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command by its whole name, groups before what is in them."""

    def below(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
        yield name, command
        if isinstance(command, click.Group):
            context = _context(name, command)
            for inner in command.list_commands(context):
                found = command.get_command(context, inner)
                assert found is not None
                yield from below(f"{name} {inner}", found)

    yield from below("midcall", command_line)


def cli() -> str:
    """Every command with its arguments and options."""
    return "\n".join(_command(name, command) for name, command in commands())


def _context(name: str, command: click.Command) -> click.Context:
    """As the command makes it itself: click remembers the help option of the first context it sees."""
    return click.Context(command, info_name=name, **command.context_settings)


def _command(name: str, command: click.Command) -> str:
    level = "###" if name.count(" ") > 1 else "##"
    usage = " ".join([name, *command.collect_usage_pieces(_context(name, command))])
    parts = [f"{level} {name}\n", f"```text\n{usage}\n```\n"]
    parts += wrapped(inspect.cleandoc(command.help or ""))
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    if arguments:
        listed = ", ".join(
            f"`{(each.name or '').upper()}`" + ("" if each.required else " (may be left out)")
            for each in arguments
        )
        parts.append(f"Arguments: {listed}.\n")
    options = [each for each in command.params if isinstance(each, click.Option)]
    if options:
        parts.append(table(("option", "meaning"), [_option(each) for each in options]))
    return "\n".join(parts)


def _option(option: click.Option) -> tuple[str, str]:
    names = ", ".join(sorted((*option.opts, *option.secondary_opts), key=lambda each: -len(each)))
    notes = [option.help or ""]
    if isinstance(option.type, click.Choice):
        notes.append(f"One of {', '.join(code(str(each)) for each in option.type.choices)}.")
    if isinstance(option.type, click.IntRange):
        notes.append(f"{option.type.min} to {option.type.max:,}.")
    if option.show_default:
        notes.append(f"Default: `{option.default}`.")
    if option.required:
        notes.append("Required.")
    value = "" if option.is_flag else f" {option.metavar or 'VALUE'}"
    return code(f"{names}{value}"), " ".join(notes)


def exits() -> str:
    """What each exit code means."""
    known = dict(re.findall(r"^ *(\d+) +(\S.*)$", Exit.__doc__ or "", re.MULTILINE))
    return table(("exit code", "means"), [(code(str(each.value)), known[str(each.value)]) for each in Exit])


def _operations() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Method, path and description of every route, from the document the server itself gives."""
    from midcall.server.openapi import openapi_document

    for path, methods in openapi_document()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def http() -> str:
    """Every route: what it does, who may, what it answers when all is well."""
    who = {"token": "bearer token", "retell": "platform's signature"}
    rows = []
    for method, path, operation in _operations():
        carriers = ["carrier's signature"] if path.startswith("/carriers/") else []
        guards = carriers or [who[name] for each in operation["security"] for name in each]
        well = ", ".join(code(status) for status in operation["responses"] if status < "400")
        rows.append((code(f"{method} {path}"), operation["summary"], ", ".join(guards) or "anybody", well))
    return table(("route", "what it does", "who may", "answers"), rows)


def http_errors() -> str:
    """Every error status, with what it means."""
    found: dict[str, dict[str, None]] = {}
    for _, _, operation in _operations():
        for status, response in operation["responses"].items():
            if status >= "400":
                found.setdefault(status, {})[response["description"]] = None
    return table(("status", "means"), [(code(status), " ".join(found[status])) for status in sorted(found)])


SECTIONS: Mapping[str, Callable[[], str | None]] = {
    "account-fields": account_fields,
    "cli": cli,
    "exits": exits,
    "extra-fields": extra_fields,
    "hook-table": hook_table,
    "hooks": hooks,
    "http": http,
    "http-errors": http_errors,
    "outcomes": outcomes,
    "reasons": reasons,
    "retell-fields": retell_fields,
    "retell-settings": retell_settings,
    "settings": settings,
    "states": table_as_markdown,
    "twilio-codes": twilio_codes,
    "twilio-fields": twilio_fields,
    "variables": variables,
}


def regenerated(text: str) -> str:
    """A page with its generated parts made anew. Raises `KeyError` for a part nobody makes."""

    def made(found: re.Match[str]) -> str:
        body = SECTIONS[found["name"]]()
        return found[0] if body is None else f"{found['begin']}{body.rstrip()}\n{found['end']}"

    return MARKED.sub(made, text)


def main() -> int:
    """Write every page whose generated parts have changed."""
    for page in sorted(DOCS.glob("*.md")):
        before = page.read_text(encoding="utf-8")
        after = regenerated(before)
        if after != before:
            page.write_text(after, encoding="utf-8")
            sys.stdout.write(f"{page.name} was written anew\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
