"""Dynamic variables: Retell's rules, and what Midcall decides where Retell is silent."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midcall.content import (
    SYSTEM_LAYER,
    Found,
    Layer,
    Rendered,
    SystemVariables,
    Variables,
    compile_template,
    render,
)

_NOW = datetime(2024, 3, 29, 6, 46, tzinfo=UTC)


def _variables(**values: object) -> Variables:
    return Variables([Layer("server", values)])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hi {{name}}!", "Hi Ada!"),
        ("{{name}}", "Ada"),
        ("{{ name }}", "Ada"),
        ("{{\tname \n}}", "Ada"),
        ("{{name}}{{name}}", "AdaAda"),
        ("no placeholder", "no placeholder"),
        ("", ""),
        ("{{name}}, order {{order}}", "Ada, order 42"),
        ("unicode 😀 {{naïve}} ж", "unicode 😀 yes ж"),
        ("{{with space}}", "spaced"),
    ],
)
def test_placeholders_are_replaced(text: str, expected: str) -> None:
    """`{{name}}` gives its value; spaces around the name are trimmed, those inside belong to it."""
    values: dict[str, object] = {"name": "Ada", "order": "42", "naïve": "yes", "with space": "spaced"}
    rendered = render(text, _variables(**values))
    assert rendered.text == expected
    assert rendered.unresolved == ()


def test_names_are_case_sensitive() -> None:
    """`{{Name}}` is not `{{name}}`."""
    assert render("{{Name}} {{name}}", _variables(name="Ada")) == Rendered(
        "{{Name}} Ada", {"name": "server"}, ("Name",)
    )


_NO_WORD = [None, {"a": 1}, {}, ["a"], [], float("nan"), float("inf"), object(), b"x"]


@pytest.mark.parametrize("value", [*_NO_WORD, pytest.param(10**5000, id="huge")])
def test_what_json_has_no_plain_word_for_is_missing(value: object) -> None:
    """Null, nested JSON and things that are no JSON leave the placeholder as written, and report it."""
    assert render("Hi {{ name }}", _variables(name=value)) == Rendered("Hi {{ name }}", {}, ("name",))


@pytest.mark.parametrize("value", [42, -1, 0, 1.5, 2.0, 1e30, True, False])
def test_numbers_and_booleans_are_written_as_json(value: float) -> None:
    """They arrive as strings, so this is how they arrive."""
    assert render("<{{x}}>", _variables(x=value)).text == f"<{json.dumps(value)}>"


def test_a_text_enum_gives_its_value() -> None:
    """A member of a text enumeration is its text, not its Python name."""

    class Size(StrEnum):
        SMALL = "small"

    assert render("{{x}}", _variables(x=Size.SMALL)).text == "small"


_LAYERS = ("default", "environment", "contact", "request", "collected", "override")


@given(st.lists(st.sampled_from(["absent", "null", "nested", "empty", "text"]), min_size=6, max_size=6))
def test_precedence(states: list[str]) -> None:
    """The highest layer that has a value wins; absent, null and nested JSON fall through, `""` does not."""
    made: dict[str, dict[str, object]] = {
        "absent": {},
        "null": {"x": None},
        "nested": {"x": {"y": 1}},
        "empty": {"x": ""},
    }
    layers = [
        Layer(name, {"x": f"from {name}"} if state == "text" else made[state])
        for name, state in zip(_LAYERS, states, strict=True)
    ]
    having = [
        (name, state) for name, state in zip(_LAYERS, states, strict=True) if state in {"empty", "text"}
    ]
    rendered = render("{{x}}", Variables(layers))
    if not having:
        assert rendered == Rendered("{{x}}", {}, ("x",))
    else:
        name, state = having[-1]
        assert rendered == Rendered("" if state == "empty" else f"from {name}", {"x": name}, ())


def test_an_empty_string_is_a_value() -> None:
    """It replaces the placeholder by nothing, and the default is not used."""
    variables = Variables([Layer("default", {"name": "there"}), Layer("request", {"name": ""})])
    assert render("Hi {{name}}.", variables).text == "Hi ."


def test_nested_placeholders_resolve_the_inner_one_first() -> None:
    """Retell's own example, with its space."""
    system = SystemVariables(now=_NOW)
    variables = Variables([Layer("server", {"my_timezone": "Australia/Sydney"})], system=system)
    for text in ("{{current_time_{{my_timezone}}}}", "{{current_time_{{my_timezone}} }}"):
        rendered = render(text, variables)
        assert rendered.text == "Friday, March 29, 2024 at 5:46 PM AEDT"
        assert rendered.used == {"my_timezone": "server", "current_time_Australia/Sydney": SYSTEM_LAYER}


def test_three_levels() -> None:
    """Nesting goes as deep as it is written."""
    variables = _variables(a="b", x_b="c", y_c_z="deep")
    assert render("<{{y_{{x_{{a}}}}_z}}>", variables).text == "<deep>"


@pytest.mark.parametrize("value", ["{{secret}}", "{{", "}}", "}}{{secret}}{{", "{{{{secret}}}}"])
def test_what_was_put_in_is_not_read_again(value: str) -> None:
    """A caller who says "{{secret}}" gets these characters, and nothing is reported as missing."""
    rendered = render("a {{name}} b", _variables(name=value, secret="s3cr3t"))
    assert rendered == Rendered(f"a {value} b", {"name": "server"}, ())


def test_values_around_a_placeholder_do_not_make_another() -> None:
    """Braces that meet only after replacing are no placeholder."""
    assert render("{{a}}{{b}}", _variables(a="{{na", b="me}}", name="Ada")).text == "{{name}}"
    assert render("{{{a}}name}}", _variables(a="{", name="Ada")).text == "{{name}}"


def test_a_value_in_a_name_is_not_read_again() -> None:
    """An inner value becomes part of the name as it is; its braces mean nothing."""
    rendered = render("{{x_{{a}}}}", _variables(a="}}{{name}}", name="Ada"))
    assert rendered == Rendered("{{x_}}{{name}}}}", {"a": "server"}, ("x_}}{{name}}",))


_TEXT_ONLY = ["{", "}", "{}", "{name}", "{{name}", "{{name", "name}}", "}}{{", "}}name{{", '{"a":{"b":1}}']


@pytest.mark.parametrize("text", [*_TEXT_ONLY, "{ {name} }", "{{{name}", "{{na{me}"])
def test_unbalanced_and_single_braces_are_text(text: str) -> None:
    """Nothing is replaced and nothing is reported."""
    assert render(text, _variables(name="Ada")) == Rendered(text, {}, ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{{name}}}", "{Ada}"),
        ("{{{name}}", "{Ada"),
        ("{{name}}}", "Ada}"),
        ("{{name}}}}", "Ada}}"),
        ("{{ open {{name}}", "{{ open Ada"),
        ("{{{{name}}", "{{Ada"),
        ("}}{{name}}", "}}Ada"),
        ("{{{{{name}}}}}", "{{{Ada}}}"),
        ("{{a{b}}", "single"),
        ("{{a}b}}", "other"),
    ],
)
def test_odd_runs_of_braces(text: str, expected: str) -> None:
    """Opening runs pair from the right, closing runs from the left; what is over is text."""
    values: dict[str, object] = {"name": "Ada", "a{b": "single", "a}b": "other"}
    assert render(text, _variables(**values)).text == expected


def test_quadruple_braces_are_two_levels() -> None:
    """`{{{{name}}}}` is the variable named by `name`."""
    assert render("{{{{name}}}}", _variables(name="Ada", Ada="Lovelace")).text == "Lovelace"
    assert render("{{{{name}}}}", _variables(name="Ada")) == Rendered("{{Ada}}", {"name": "server"}, ("Ada",))


@pytest.mark.parametrize("text", ["{{}}", "{{ }}", "a {{\n}} b"])
def test_an_empty_name_never_has_a_value(text: str) -> None:
    """It stays, and is reported, so that such a text is not sent; a variable named "" changes nothing."""
    assert render(text, Variables([Layer("server", {"": "x"})])) == Rendered(text, {}, ("",))


def test_line_breaks_inside_a_name_are_part_of_it() -> None:
    """Around the name they are trimmed like spaces."""
    values: dict[str, object] = {"first\nname": "Ada"}
    assert render("{{\nfirst\nname\n}}", _variables(**values)).text == "Ada"


def test_an_inner_one_missing_leaves_the_whole_outer_one() -> None:
    """Only the inner name is reported: the outer one cannot be known."""
    assert render("a {{x_{{ y }}}} b", _variables(z="1")) == Rendered("a {{x_{{ y }}}} b", {}, ("y",))
    assert render("{{1{{2{{3}}}}}}", _variables()) == Rendered("{{1{{2{{3}}}}}}", {}, ("3",))


def test_neighbours_of_a_missing_inner_one_are_replaced() -> None:
    """What does have a value is put in, as it is everywhere else."""
    rendered = render("{{x_{{a}}_{{y}}_{{a}}}} {{a}}", _variables(a="1"))
    assert rendered == Rendered("{{x_1_{{y}}_1}} 1", {"a": "server"}, ("y",))


def test_unresolved_names_come_once_and_in_order() -> None:
    """Each missing name once, as the reader meets it."""
    assert render("{{b}} {{a}} {{b}} {{ok}}", _variables(ok=1)).unresolved == ("b", "a")


def test_layers_tell_how_far_a_text_may_be_trusted() -> None:
    """A text counts every layer that had a part in it, also one that only chose a name."""
    variables = Variables(
        [
            Layer("server", {"phone_home": "+12025550100", "shop": "Ada's"}),
            Layer("collected", {"which": "home"}),
        ]
    )
    rendered = render("{{phone_{{which}}}}", variables)
    assert rendered.text == "+12025550100"
    assert rendered.used == {"which": "collected", "phone_home": "server"}
    assert rendered.layers == {"collected", "server"}
    assert render("{{shop}}", variables).layers == {"server"}
    assert render("plain", variables).layers == frozenset()


def test_the_calls_own_number_cannot_be_replaced() -> None:
    """A value collected in the call cannot pose as the caller's number."""
    system = SystemVariables(now=_NOW, user_number="+12025550142")
    variables = Variables([Layer("collected", {"user_number": "+12025550199"})], system=system)
    assert variables.find("user_number") == Found("+12025550142", SYSTEM_LAYER)
    assert render("{{user_number}}", variables).used == {"user_number": SYSTEM_LAYER}


def test_a_system_name_without_a_value_falls_to_the_layers() -> None:
    """A web call has no number; one that the server gave is used, and its layer says where it is from."""
    variables = Variables(
        [Layer("server", {"user_number": "+12025550142"})], system=SystemVariables(now=_NOW)
    )
    assert variables.find("user_number") == Found("+12025550142", "server")
    assert render("{{agent_number}}", variables).unresolved == ("agent_number",)


def test_an_unknown_zone_is_reported_by_its_full_name() -> None:
    """The report has the name as it was formed, so that the wrong zone can be seen."""
    variables = Variables([Layer("server", {"zone": "Mars/Base"})], system=SystemVariables(now=_NOW))
    rendered = render("It is {{current_time_{{zone}}}}", variables)
    assert rendered.text == "It is {{current_time_Mars/Base}}"
    assert rendered.unresolved == ("current_time_Mars/Base",)


@pytest.mark.parametrize("names", [("a", "a"), ("a", "b", "a"), (SYSTEM_LAYER,)])
def test_layers_have_names_of_their_own(names: tuple[str, ...]) -> None:
    """Two layers of one name could not be told apart in the report."""
    with pytest.raises(ValueError, match="already taken"):
        Variables([Layer(name, {}) for name in names])


def test_a_layer_does_not_change_with_the_dict_it_was_made_from() -> None:
    """What is rendered is what the call knew at that moment."""
    values: dict[str, object] = {"x": "before"}
    variables = Variables([Layer("server", values)])
    values["x"] = "after"
    assert render("{{x}}", variables).text == "before"
    assert variables.layers == (Layer("server", {"x": "before"}),)


def test_what_is_used_cannot_be_changed() -> None:
    """A record of where a text came from is read-only."""
    used: Any = render("{{x}}", _variables(x=1)).used
    with pytest.raises(TypeError):
        used["x"] = "system"


def test_without_the_clock_two_moments_are_equal() -> None:
    """Everything with a value is in it, except what the clock moves, wherever that comes from."""
    layers = [
        Layer("default", {"name": "there", "gone": None, "current_balance": 7}),
        Layer("server", {"name": "Ada", "current_time": "noon", "current_hour_UTC": "12"}),
    ]

    def at(now: datetime) -> dict[str, str]:
        system = SystemVariables(now=now, session_started=_NOW, call_id="call_1", user_number="+12025550142")
        return Variables(layers, system=system).without_clock()

    expected = {"name": "Ada", "current_balance": "7", "call_id": "call_1", "user_number": "+12025550142"}
    assert at(_NOW) == at(_NOW + timedelta(hours=1)) == expected
    assert Variables(layers).without_clock() == {"name": "Ada", "current_balance": "7"}


def test_reprs_hold_no_values() -> None:
    """Values are personal data; a log line with one of these records shows names only."""
    system = SystemVariables(now=_NOW, user_number="+12025550142")
    variables = Variables([Layer("server", {"name": "Ada Lovelace"})], system=system)
    found = variables.find("name")
    shown = repr((variables, variables.layers, found, render("Hi {{name}} {{user_number}}", variables)))
    assert "Lovelace" not in shown
    assert "5550142" not in shown
    assert "server" in shown


def test_a_template_tells_its_names() -> None:
    """Names known beforehand, once each; a name that depends on a value is announced, not guessed."""
    template = compile_template("{{b}} {{ a }} {{b}} {{x_{{c}}}}")
    assert template.names == ("b", "a", "c")
    assert template.dynamic
    assert not compile_template("{{a}}").dynamic
    assert compile_template("{{a {{b}}").names == ("b",)


@pytest.mark.parametrize(
    ("text", "unclosed"), [("{{a}}", 0), ("{{a", 1), ("{{a {{b}}", 1), ("{{{{{{", 3), ("}}", 0), ("{", 0)]
)
def test_a_template_counts_what_is_not_closed(text: str, unclosed: int) -> None:
    """A `{{` that stays text is most likely a slip; a check can say so."""
    assert compile_template(text).unclosed == unclosed


def test_templates_are_compiled_once_and_keep_no_values() -> None:
    """The same text is the same template, and rendering it twice gives each its own values."""
    template = compile_template("Hi {{name}}")
    assert compile_template("Hi {{name}}") is template
    assert template.render(_variables(name="Ada")).text == "Hi Ada"
    assert template.render(_variables(name="Grace")).text == "Hi Grace"


def test_huge_templates_are_not_kept() -> None:
    """The cache holds templates, not whole documents."""
    text = "{{name}}" * 10_000
    assert compile_template(text) is not compile_template(text)
    assert compile_template(text) == compile_template(text)


_PIECES = st.lists(
    st.sampled_from(["{", "}", "{{", "}}", "a", "b", " ", "{{a}}", "{{ b }}", "\n"]), max_size=40
).map("".join)


def _rewritten(text: str, values: dict[str, str]) -> str:
    """What rendering means, said another way: replace innermost placeholders one at a time until none is left.

    Replaced and unresolved ones are set aside as single private characters, so that nothing is read twice.
    """
    aside: dict[str, str] = {}

    def put_aside(written: str) -> str:
        mark = chr(0xE000 + len(aside))
        aside[mark] = written
        return mark

    def restore(part: str) -> str:
        while any(mark in part for mark in aside):
            part = "".join(aside.get(char, char) for char in part)
        return part

    missing: set[str] = set()
    while True:
        end = text.find("}}")
        while end >= 0 and (start := text.rfind("{{", 0, end)) < 0:
            text = text[:end] + put_aside("}}") + text[end + 2 :]
            end = text.find("}}")
        if end < 0:
            return restore(text)
        # The last opening brace pair of a run before the name: rfind gives it, as pairs count from the right.
        name = text[start + 2 : end]
        known = restore(name).strip() in values and not any(mark in name for mark in missing)
        mark = put_aside(values[restore(name).strip()] if known else restore("{{" + name + "}}"))
        if not known:
            missing.add(mark)
        text = text[:start] + mark + text[end + 2 :]


@given(_PIECES)
def test_agrees_with_rewriting_step_by_step(text: str) -> None:
    """Any mix of braces renders as if innermost placeholders were replaced one after the other."""
    values = {"a": "b", "b": "{{a}}", "bb": "x"}
    assert render(text, _variables(**values)).text == _rewritten(text, values)


@given(_PIECES)
def test_without_values_a_text_stays_as_it_is(text: str) -> None:
    """Nothing is lost or changed, and `unresolved` is empty exactly when there is no placeholder."""
    rendered = render(text, Variables())
    assert rendered.text == text
    assert bool(rendered.unresolved) == (compile_template(text).names != ())


@given(st.text(), st.text().filter(bool))
def test_any_name_can_be_written(value: str, name: str) -> None:
    """A name of any characters but braces and outer spaces is found, whatever its value."""
    name = name.replace("{", "").replace("}", "").strip()
    rendered = render(f"<{{{{ {name} }}}}>", Variables([Layer("server", {name: value})]))
    assert rendered.text == (f"<{value}>" if name else "<{{  }}>")


class _Counted(Variables):
    """Counts how often a variable is asked for."""

    __slots__ = ("asked",)

    def __init__(self, layers: list[Layer]) -> None:
        super().__init__(layers)
        self.asked = 0

    def find(self, name: str) -> Found | None:
        self.asked += 1
        return super().find(name)


_MEGABYTE = 1_000_000
_HUGE = {
    "plain": lambda size: "a" * size,
    "openers": lambda size: "{" * size,
    "closers": lambda size: "}" * size,
    "many": lambda size: "{{a}}" * (size // 5),
    "missing": lambda size: "{{b}}" * (size // 5),
    "nested": lambda size: "{{" * (size // 4) + "}}" * (size // 4),
    "nested with a value inside": lambda size: "{{" * (size // 4) + "a" + "}}" * (size // 4),
    "nested side by side": lambda size: "{{x{{a}}}}" * (size // 10),
    "openers and spaces": lambda size: "{{ " * (size // 3),
    "half open": lambda size: "{{a}" * (size // 4),
    "one long name": lambda size: "{{" + "n" * size + "}}",
    "spaces in a name": lambda size: "{{" + " " * size + "a}}",
}


@pytest.mark.parametrize("kind", _HUGE)
def test_a_megabyte_is_rendered(kind: str) -> None:
    """Any megabyte renders without recursion, and asks for at most one variable per placeholder written."""
    text = _HUGE[kind](_MEGABYTE)
    variables = _Counted([Layer("server", {"a": "v"})])
    rendered = render(text, variables)
    assert variables.asked <= text.count("{{")
    expected = {
        "many": "v" * (_MEGABYTE // 5),
        "spaces in a name": "v",
        "nested side by side": "{{xv}}" * (_MEGABYTE // 10),
    }
    if kind == "nested with a value inside":
        # The innermost gives "v", which is no variable's name: one level is gone, the next is reported.
        depth = _MEGABYTE // 4 - 1
        assert rendered.text == "{{" * depth + "v" + "}}" * depth
        assert rendered.unresolved == ("v",)
    else:
        assert rendered.text == expected.get(kind, text)


def _steps(text: str) -> int:
    """Lines of Python run to compile and render a text."""
    variables = _variables(a="v")
    count = 0

    def tracer(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += 1
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        render(text, variables)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("kind", _HUGE)
def test_work_grows_with_the_text_and_not_faster(kind: str) -> None:
    """Four times the text takes at most four times the steps, and a little."""
    small, large = _steps(_HUGE[kind](20_000)), _steps(_HUGE[kind](80_000))
    assert large <= 4 * small + 500


@pytest.mark.parametrize("kind", ["nested", "nested with a value inside"])
def test_depth_does_not_copy_the_text(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At every depth the pieces joined to names stay as many as were written, so a deep text is not copied per level."""
    names: list[str] = []
    find = Variables.find

    def noted(self: Variables, name: str) -> Found | None:
        names.append(name)
        return find(self, name)

    monkeypatch.setattr(Variables, "find", noted)
    render(_HUGE[kind](40_000), _variables(a="v"))
    assert names
    assert len("".join(names)) <= 40_000
