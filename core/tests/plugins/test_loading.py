"""Importing a plugin and looking it over: every mistake is a sentence that names the plugin and the fix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from midcall.plugins.discovery import FoundPlugin
from midcall.plugins.loading import HOOKS, Unloadable, load
from midcall.plugins.report import PluginKind

Install = Callable[..., Path]

CARRIER = """
    from midcall import Accepted, Capabilities, Carrier

    class Acme(Carrier):
        name = "acme"
        async def send(self, message):
            return Accepted("1")
"""


def found(value: str, name: str = "acme") -> FoundPlugin:
    """A plugin as discovery finds it."""
    return FoundPlugin(name=name, value=value, distribution="midcall-acme", version="1.0")


def problems_of(install: Install, source: str, *, value: str = "acme_loaded", name: str = "acme") -> str:
    """What loading says of a module with this source."""
    install("midcall-acme", {name: value}, modules={"acme_loaded": source})
    with pytest.raises(Unloadable) as caught:
        load(found(value, name))
    for problem in caught.value.problems:
        assert problem.startswith(f"plugin {name!r} (midcall-acme 1.0)")
    return " ".join(caught.value.problems)


def policy(hooks: str) -> str:
    """The source of a policy module."""
    return f"from midcall import hookimpl, Verdict\n{hooks}"


def test_the_hooks_are_in_the_order_of_a_texts_life() -> None:
    """The specs are the list; the mission's order is theirs."""
    assert HOOKS == (
        "midcall_resolve_sender",
        "midcall_render_content",
        "midcall_transform_content",
        "midcall_check_eligibility",
        "midcall_send_message",
        "midcall_message_changed",
        "midcall_message_received",
    )


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import nothing_of_this_name", "ModuleNotFoundError: No module named 'nothing_of_this_name'"),
        ("def broken(:", "SyntaxError"),
        ("raise SystemExit('no licence')", "SystemExit: no licence"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("raise BaseException('bare')", "BaseException: bare"),
        ("raise ValueError('first\\nsecond')", "ValueError: first (at acme_loaded.py:1)."),
        (
            "key = 'x'; raise ValueError(f'https://u:secret@h.example/?key=secret {key}')",
            "https://h.example/?…",
        ),
    ],
)
def test_whatever_an_import_raises_is_a_problem(install: Install, source: str, says: str) -> None:
    """One line with its cause and the fix, and nothing of it escapes; passwords and queries of URLs are left out."""
    problem = problems_of(install, source)
    assert says in problem
    assert "pip install --upgrade midcall-acme" in problem
    assert "second" not in problem
    assert "secret" not in problem


def test_an_interrupt_is_not_a_plugins_problem(install: Install) -> None:
    """Ctrl-C while a plugin is imported stops Midcall."""
    install("midcall-acme", {"acme": "acme_loaded"}, modules={"acme_loaded": "raise KeyboardInterrupt"})
    with pytest.raises(KeyboardInterrupt):
        load(found("acme_loaded"))


def test_a_missing_attribute_is_a_problem(install: Install) -> None:
    """The entry point names a class that is not there."""
    assert "has no attribute 'Acne'" in problems_of(install, CARRIER, value="acme_loaded:Acne")


def test_kinds_are_told_apart(install: Install) -> None:
    """A Carrier class, a Platform class, and a policy as module, class or object."""
    platform = """
        from midcall import Platform

        class Voice(Platform):
            name = "voice"
            def decode_tool_call(self, request, tool): ...
            def encode_outcome(self, outcome, tool_call): ...
    """
    rules = """
        from midcall import hookimpl

        class Rules:
            @hookimpl
            def midcall_check_eligibility(self, draft): ...

        rules = Rules()

        @hookimpl
        def midcall_check_eligibility(draft): ...
    """
    install("midcall-acme", {}, modules={"acme_one": CARRIER, "acme_two": platform, "acme_three": rules})
    assert load(found("acme_one:Acme")).kind is PluginKind.CARRIER
    assert load(found("acme_two:Voice", "voice")).kind is PluginKind.PLATFORM
    for value in ("acme_three", "acme_three:Rules", "acme_three:rules"):
        assert load(found(value)).kind is PluginKind.POLICY


@pytest.mark.parametrize(
    ("hooks", "says"),
    [
        (
            "@hookimpl\ndef midcall_check_elegibility(draft): ...",
            "there is no hook midcall_check_elegibility. Did you mean 'midcall_check_eligibility'?",
        ),
        (
            "@hookimpl\ndef check_eligibility(draft): ...",
            "there is no hook check_eligibility. Did you mean 'midcall_check_eligibility'?",
        ),
        (
            "@hookimpl(specname='midcall_check')\ndef mine(draft): ...",
            "there is no hook midcall_check.",
        ),
        (
            "def midcall_check_eligibility(draft): ...",
            "midcall_check_eligibility is not marked @hookimpl, so it would never be asked.",
        ),
        (
            "@hookimpl\ndef midcall_transform_content(draft): ...\ndef midcall_shorten(): ...",
            "there is no hook midcall_shorten. Names that begin with midcall_ are kept for hooks.",
        ),
        (
            "@hookimpl\ndef midcall_check_eligibility(drift): ...",
            "midcall_check_eligibility has no argument drift. Did you mean 'draft'?",
        ),
        (
            "@hookimpl\ndef midcall_render_content(call, message): ...",
            "midcall_render_content has no argument message. It has: call, tool, sender, arguments.",
        ),
        ("@hookimpl\ndef midcall_check_eligibility(**all): ...", "midcall_check_eligibility takes **all."),
        ("@hookimpl\ndef midcall_check_eligibility(draft, /): ...", "takes draft by position only"),
        (
            "@hookimpl(wrapper=True)\ndef midcall_check_eligibility(draft):\n    return (yield)",
            "midcall_check_eligibility is a hook wrapper",
        ),
        ("answer = 42", "has no function marked @hookimpl"),
    ],
)
def test_what_pluggy_passes_in_silence_is_a_problem(install: Install, hooks: str, says: str) -> None:
    """A check that would never be made is found when it is loaded, in modules and in classes alike."""
    assert says in problems_of(install, policy(hooks))


def test_mistakes_in_a_class_are_found_too(install: Install) -> None:
    """`self` is not taken for an argument of the hook, and the typo beside it is found."""
    source = policy("class Rules:\n    @hookimpl\n    def midcall_check_eligibility(self, drift): ...\n")
    problem = problems_of(install, source, value="acme_loaded:Rules")
    assert "has no argument drift" in problem
    assert "self" not in problem


def test_what_is_not_a_hook_is_left_alone(install: Install) -> None:
    """A module called midcall_..., an imported spec, a constant and an optional hook of a later Midcall are no mistakes."""
    source = policy(
        "import midcall as midcall_module\n"
        "from midcall.contract.hookspecs import midcall_send_message\n"
        "midcall_version = '1'\n"
        "@hookimpl(optionalhook=True)\ndef midcall_of_the_future(): ...\n"
        "@hookimpl(specname='midcall_check_eligibility')\ndef quiet_hours(draft, zone='UTC'): ...\n"
    )
    install("midcall-acme", {}, modules={"acme_loaded": source})
    assert load(found("acme_loaded")).kind is PluginKind.POLICY


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            ('name = "acme"', 'name = "acne"'),
            "is called 'acme' and Acme says name = 'acne'. Give both the same name.",
        ),
        (('name = "acme"', "pass"), "Acme has no name"),
        (("async def send", "async def sent"), "Acme does not implement send(message)"),
        (('name = "acme"', 'name = "acme"; settings = dict'), "is not a subclass of midcall.CarrierSettings"),
        (('name = "acme"', 'name = "acme"; capabilities = {}'), "is not a midcall.Capabilities"),
        (('name = "acme"', 'name = "acme"; capabilities = Capabilities(mms=True)'), "leave max_media at 0"),
        (
            ('name = "acme"', 'name = "acme"; capabilities = Capabilities(charset="gsm7")'),
            "Acme.capabilities name the charset 'gsm7', which does not exist. Did you mean 'gsm-7'?",
        ),
        (
            ('name = "acme"', 'name = "acme"; capabilities = Capabilities(charset=["latin"])'),
            "which does not exist. There are: gsm-7, gsm-7-telnyx.",
        ),
    ],
)
def test_what_is_wrong_with_a_carrier_is_said_before_it_is_used(
    install: Install, change: tuple[str, str], says: str
) -> None:
    """Name, settings, capabilities and the one method it needs."""
    assert says in problems_of(install, CARRIER.replace(*change), value="acme_loaded:Acme")


def test_a_platform_needs_its_two_methods(install: Install) -> None:
    """Without them no tool call could be answered."""
    source = "from midcall import Platform\nclass Voice(Platform):\n    name = 'acme'\n"
    problem = problems_of(install, source, value="acme_loaded:Voice")
    assert "does not implement decode_tool_call" in problem
    assert "does not implement encode_outcome" in problem


def test_settings_of_a_module_need_a_configure(install: Install) -> None:
    """Otherwise the settings would be checked and thrown away."""
    source = policy(
        "from pydantic import BaseModel\nclass settings(BaseModel): ...\n"
        "@hookimpl\ndef midcall_check_eligibility(draft): ...\n"
    )
    assert "has no configure(config)" in problems_of(install, source)
