"""What the agent says: there are words for everything, in every language, and a tool's own come first."""

from __future__ import annotations

from typing import Any

import pytest

from core.tests.sending.deployment import Deploy, a_call, a_tool
from core.tests.sending.fake_carrier import says
from midcall import Reason, Status, Tool, Unknown
from midcall.contract.outcomes import DUPLICATE
from midcall.sending.sentences import BUILT_IN, built_in_sentence, sentence

LANGUAGES = sorted(BUILT_IN)


def tool_with(**changes: Any) -> Tool:
    """A tool that speaks."""
    return Tool.model_validate({"name": "send_link", **a_tool(**changes)})


def words(
    tool: Tool, language: str, status: Status, reason: Reason | None = None, *, duplicate: bool = False
) -> str:
    """What is said."""
    return sentence(tool, language=language, status=status, reason=reason, duplicate=duplicate)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("status", list(Status))
def test_every_status_and_reason_has_words(language: str, status: Status) -> None:
    """One sentence, ended, with no hole in it, in that language: never the English of another."""
    tool = tool_with()
    for reason in (None, *Reason):
        for duplicate in (False, True):
            said = words(tool, language, status, reason, duplicate=duplicate)
            assert said.strip() == said
            assert said.endswith(".")
            assert "{" not in said
            assert said in BUILT_IN[language].values()
        assert built_in_sentence(language, status, reason) in BUILT_IN[language].values()


def test_every_language_says_the_same_things() -> None:
    """A language that lacks a sentence would fall back to another language in the middle of a call."""
    assert {language: sorted(BUILT_IN[language]) for language in LANGUAGES} == dict.fromkeys(
        LANGUAGES, sorted(BUILT_IN["en"])
    )


def test_every_language_says_them_differently() -> None:
    """No sentence was left untranslated."""
    for key in BUILT_IN["en"]:
        assert len({BUILT_IN[language][key] for language in LANGUAGES}) == len(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_promise_of_delivery(language: str) -> None:
    """Only a receipt allows "arrived": the words for accepted, pending, unknown and delivered all differ."""
    tool = tool_with()
    said = [words(tool, language, status) for status in Status]
    assert len(set(said)) == len(said)


@pytest.mark.parametrize("status", [Status.REJECTED, Status.UNKNOWN])
def test_a_duplicate_that_did_not_arrive(status: Status) -> None:
    """ "I've already sent you that" is only said of what was sent."""
    said = words(tool_with(), "en", status, Reason.CARRIER_SILENT, duplicate=True)
    assert said != BUILT_IN["en"][DUPLICATE]


@pytest.mark.parametrize(
    ("language", "own", "expected"),
    [
        ("es", "en", "es"),
        ("es-MX", "en", "es"),
        ("pt-BR", "fr", "fr"),
        ("pt-BR", "fr-CA", "fr"),
        ("pt", "nl", "en"),
        ("", "de", "de"),
    ],
)
def test_languages_fall_back(language: str, own: str, expected: str) -> None:
    """From the call's to its first part, to the tool's, to its first part, to English."""
    said = words(tool_with(language=own), language, Status.ACCEPTED)
    assert said == BUILT_IN[expected]["accepted"]


def test_a_tools_own_words() -> None:
    """They win over the built-in ones of that language, a reason over a status; other languages keep theirs."""
    tool = tool_with(
        sentences={"en": {"accepted": "Off it goes.", "rejected": "No luck.", "opted_out": "You said stop."}}
    )
    assert words(tool, "en", Status.ACCEPTED) == "Off it goes."
    assert words(tool, "en-GB", Status.ACCEPTED) == "Off it goes."
    assert words(tool, "en", Status.REJECTED, Reason.OPTED_OUT) == "You said stop."
    assert words(tool, "en", Status.REJECTED, Reason.LANDLINE) == "No luck."
    assert words(tool, "en", Status.PENDING) == BUILT_IN["en"]["pending"]
    assert words(tool, "es", Status.ACCEPTED) == BUILT_IN["es"]["accepted"]


def test_a_language_of_the_tools_own() -> None:
    """A tool may speak a language that is not built in; what it has no words for is in its fallback."""
    tool = tool_with(sentences={"pt": {"accepted": "O SMS está a caminho."}})
    assert words(tool, "pt-BR", Status.ACCEPTED) == "O SMS está a caminho."
    assert words(tool, "pt-BR", Status.UNKNOWN) == BUILT_IN["en"]["unknown"]


async def test_in_the_calls_language(deploy: Deploy) -> None:
    """The call's language decides, then the tool's, in acceptances, refusals and doubt."""
    running = await deploy(tool={"language": "de"})
    running.carrier.will(says(Unknown()))
    doubted = await running.send(a_call("1", language="fr-CA"))
    accepted = await running.send(a_call("2"))
    refused = await running.send(a_call("3", language="es", user_number=None))
    assert [outcome.say for outcome in (doubted, accepted, refused)] == [
        BUILT_IN["fr"]["unknown"],
        BUILT_IN["de"]["accepted"],
        BUILT_IN["es"]["number_withheld"],
    ]


async def test_words_of_the_settings(deploy: Deploy) -> None:
    """`sentences` of the settings reach the agent."""
    running = await deploy(
        tool={"sentences": {"en": {"accepted": "Off it goes.", "duplicate": "Look again."}}}
    )
    assert (await running.send()).say == "Off it goes."
    assert (await running.send()).say == "Look again."
