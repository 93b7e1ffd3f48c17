"""Dynamic variables: `{{name}}` in a text, with Retell's rules.

The rules are those of Retell's page "Dynamic variables" (docs.retellai.com/build/dynamic-variables):

- spaces around the name are trimmed; names are case-sensitive;
- values are text. A number or a boolean is written as its JSON (`42`, `true`); an object, a list, or anything else JSON
  has no plain word for counts as missing;
- a missing name or a null falls through to the layers below, the lowest being the agent's defaults; when none has it
  the placeholder stays in the text as written and is reported;
- `""` is a value: the placeholder is replaced by nothing;
- in `{{current_time_{{zone}}}}` the inner one is resolved first;
- what was put in is never read again: a value that holds `{{x}}` puts just these characters into the text.

Retell publishes nothing on the following. Midcall decides:

- *Odd braces.* In a run of opening braces pairs count from the right: `{{{name}}}` is `{`, the placeholder, `}`. In a
  run of closing braces they count from the left. Single braces are plain text, inside a placeholder too.
- *Unbalanced.* `{{` without its `}}`, or the reverse, is plain text. `Template.unclosed` counts the former, for checks.
- *Empty name.* `{{}}` never has a value: it stays and is reported under the name `""`.
- *Line breaks* around a name are trimmed like spaces; inside a name they are part of it.
- *Inner one missing.* The outer name cannot be known. The whole outer placeholder stays, and only the inner name is
  reported; its neighbours inside the outer one that do have a value are replaced all the same.
- *Outer one missing.* It stays with the inner one replaced, and is reported under the name so formed.
- *System names.* When the call has a value for a system variable, that value wins over every layer: a value collected
  in the call must not be able to pose as the caller's number. Where the call has none, the layers are asked.

Compiling and rendering take time in proportion to the text, at any depth of nesting, without recursion or backtracking.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Final, TypeAlias

from midcall.content.system_variables import SystemVariables, is_clock

__all__ = [
    "SYSTEM_LAYER",
    "Found",
    "Layer",
    "Rendered",
    "Template",
    "Variables",
    "compile_template",
    "render",
]

SYSTEM_LAYER: Final = "system"
"""The layer name under which values of `SystemVariables` are reported."""

_BRACES: Final = re.compile(r"\{\{+|\}\}+")
_CACHED_LENGTH: Final = 16_384  # longer texts are compiled each time, so that the cache stays small
_CACHED_TEMPLATES: Final = 512


@dataclass(frozen=True, slots=True)
class Layer:
    """Values from one source, such as the agent's defaults or what was collected in the call.

    The name is what `Rendered.used` reports: use it to tell how far a value may be trusted.
    """

    name: str
    values: Mapping[str, object] = field(repr=False)
    """By variable name. Values are taken as JSON gives them; they are not shown in the `repr`, being personal data."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))


@dataclass(frozen=True, slots=True)
class Found:
    """A variable's value, and the layer it came from."""

    text: str = field(repr=False)
    layer: str


class Variables:
    """All variables of one call: layers from low to high precedence, and the system's own.

    Retell's order is: agent defaults, environment values, contact fields, request values, values collected in the call,
    live-call overrides. Raises `ValueError` when two layers share a name, or one is named `system`.
    """

    __slots__ = ("_highest_first", "_system")

    def __init__(self, layers: Iterable[Layer] = (), *, system: SystemVariables | None = None) -> None:
        self._highest_first = tuple(layers)[::-1]
        self._system = system
        names = [layer.name for layer in self._highest_first]
        for name in names:
            if name == SYSTEM_LAYER or names.count(name) > 1:
                raise ValueError(f"layer name {name!r} is already taken; give every layer a name of its own")

    def __repr__(self) -> str:
        """The layers' names only: values are personal data."""
        return (
            f"Variables({[layer.name for layer in reversed(self._highest_first)]!r}, system={self._system!r})"
        )

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, low to high."""
        return self._highest_first[::-1]

    @property
    def system(self) -> SystemVariables | None:
        """The system's own variables, if any."""
        return self._system

    def find(self, name: str) -> Found | None:
        """The value of `name` and its layer; None when no layer has one. The name is taken as it is, not trimmed."""
        if not name:
            return None
        if self._system is not None and (own := self._system.get(name)) is not None:
            return Found(own, SYSTEM_LAYER)
        for layer in self._highest_first:
            if (text := _as_text(layer.values.get(name))) is not None:
                return Found(text, layer.name)
        return None

    def without_clock(self) -> dict[str, str]:
        """Every variable that has a value, except the clock's: equal for two tool calls that mean the same text.

        A name that the clock owns is left out wherever its value comes from.
        """
        names = {name for layer in self._highest_first for name in layer.values}
        if self._system is not None:
            names.update(self._system.names())
        found = {name: self.find(name) for name in sorted(names) if not is_clock(name)}
        return {name: value.text for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text with its placeholders replaced."""

    text: str = field(repr=False)
    used: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Every variable that was put in or that helped to form another's name, and the layer it came from."""
    unresolved: tuple[str, ...] = ()
    """Names that have no value, each once, in order of appearance. Such a text must not be sent."""

    @property
    def layers(self) -> frozenset[str]:
        """The layers that any part of the text came from: the text is as trustworthy as the least of them."""
        return frozenset(self.used.values())


@dataclass(frozen=True, slots=True)
class _Slot:
    """A placeholder whose name is known when the template is compiled."""

    name: str
    written: str


@dataclass(frozen=True, slots=True)
class _Brace:
    """Begins or ends a placeholder whose name has placeholders inside."""

    opens: bool


_OPEN: Final = _Brace(opens=True)
_CLOSE: Final = _Brace(opens=False)

# A template is a flat list rather than a tree, so that depth costs neither recursion nor copying.
_Token: TypeAlias = str | _Slot | _Brace


@dataclass(frozen=True, slots=True)
class Template:
    """A text made ready for rendering; made by `compile_template`."""

    text: str
    names: tuple[str, ...]
    """Names of all placeholders that are known beforehand, each once, in order of appearance."""
    dynamic: bool
    """Whether some placeholder's name depends on the value of another."""
    unclosed: int
    """How many `{{` have no `}}`; they are plain text, and most likely a slip of the author."""
    _tokens: tuple[_Token, ...] = field(repr=False, compare=False)

    def render(self, variables: Variables) -> Rendered:
        """Replace every placeholder that has a value."""
        out: list[str] = []
        open_at: list[int] = []  # where in `out` each open placeholder begins
        whole: list[bool] = []  # whether each open placeholder's name is still known
        used: dict[str, str] = {}
        unresolved: dict[str, None] = {}

        def resolve(name: str) -> str | None:
            found = variables.find(name)
            if found is None:
                unresolved[name] = None
                if whole:
                    whole[-1] = False
                return None
            used[name] = found.layer
            return found.text

        for token in self._tokens:
            if isinstance(token, str):
                out.append(token)
            elif isinstance(token, _Slot):
                value = resolve(token.name)
                out.append(token.written if value is None else value)
            elif token.opens:
                open_at.append(len(out))
                whole.append(True)
                out.append("{{")
            else:
                start = open_at.pop()
                if not whole.pop():
                    # Left where it is, not joined: joining at every level would copy the text once per level.
                    out.append("}}")
                    if whole:
                        whole[-1] = False
                    continue
                value = resolve("".join(out[start + 1 :]).strip())
                if value is None:
                    out.append("}}")
                else:
                    out[start:] = [value]
        return Rendered("".join(out), MappingProxyType(used), tuple(unresolved))


def compile_template(text: str) -> Template:
    """Find the placeholders of `text`. Cached, since the same few templates are rendered in every call."""
    if len(text) > _CACHED_LENGTH:
        return _compile(text)
    return _compile_cached(text)


def render(text: str, variables: Variables) -> Rendered:
    """Replace the placeholders of `text`; see the module for the rules."""
    return compile_template(text).render(variables)


def _compile(text: str) -> Template:
    """One pass over the runs of braces."""
    tokens: list[_Token] = []
    open_at: list[int] = []  # where in `tokens` each open placeholder begins
    names: dict[str, None] = {}
    dynamic = False
    done = 0
    for run in _BRACES.finditer(text):
        start, end = run.span()
        if text[start] == "{":
            start += (end - start) % 2  # of an odd run the first brace is plain text
            if start > done:
                tokens.append(text[done:start])
            for _ in range((end - start) // 2):
                open_at.append(len(tokens))
                tokens.append(_OPEN)
            done = end
            continue
        if not open_at:
            continue
        if start > done:
            tokens.append(text[done:start])
        done = start
        while end - done >= 2 and open_at:
            done += 2
            began = open_at.pop()
            if len(tokens) == began + 1:  # nothing inside
                written = ""
            elif len(tokens) == began + 2 and isinstance(last := tokens[-1], str):
                written = last
            else:
                tokens.append(_CLOSE)
                dynamic = True
                continue
            slot = _Slot(written.strip(), "{{" + written + "}}")
            tokens[began:] = [slot]
            names[slot.name] = None
    if done < len(text):
        tokens.append(text[done:])
    # The unclosed ones stay as they are: rendering writes their braces when it meets them and never sees their end.
    return Template(text, tuple(names), dynamic, len(open_at), tuple(tokens))


_compile_cached = lru_cache(maxsize=_CACHED_TEMPLATES)(_compile)


def _as_text(value: object) -> str | None:
    """A JSON value as the text that is put in; None when it has none."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int | float):
        try:
            return json.dumps(value)
        except ValueError:  # Python refuses to write out integers of thousands of digits
            return None
    return None
