"""Which words win when a tool has some of its own: what is said first, then whose words."""

from __future__ import annotations

from midcall import Reason, Status, Tool
from midcall.contract.outcomes import SENTENCE_KEYS
from midcall.sending.sentences import BUILT_IN, sentence


def said(sentences: dict[str, dict[str, str]], status: Status, reason: Reason | None = None) -> str:
    """What a tool with these words says of a second asking, in Spanish."""
    tool = Tool.model_validate(
        {"name": "t", "sms_content": {"type": "predefined", "text": "Hi"}, "sentences": sentences}
    )
    return sentence(tool, language="es-MX", status=status, reason=reason, duplicate=True)


def test_a_second_asking_is_not_announced_as_a_second_text() -> None:
    """A tool's own words for "accepted" are not said when the first text is meant; those for a refusal are."""
    own = {"es": {"accepted": "Ya va.", "rejected": "No."}}
    assert said(own, Status.ACCEPTED) == BUILT_IN["es"]["duplicate"]
    assert said(own, Status.REJECTED, Reason.OPTED_OUT) == "No."
    assert said({}, Status.REJECTED, Reason.OPTED_OUT) == BUILT_IN["es"]["opted_out"]


def test_a_tools_own_word_wins_for_the_same() -> None:
    """For each thing to say, the tool's own words come before the built-in ones."""
    own = {"es": {"accepted": "Ya va.", "duplicate": "Otra vez no.", "opted_out": "Baja."}}
    assert said(own, Status.ACCEPTED) == "Otra vez no."
    assert said(own, Status.REJECTED, Reason.OPTED_OUT) == "Baja."


def test_a_language_wins_over_a_better_sentence_in_another() -> None:
    """Nobody changes language in the middle of a call."""
    assert said({"es-MX": {"accepted": "Ahorita."}}, Status.ACCEPTED) == "Ahorita."


def test_every_built_in_sentence_has_a_known_key() -> None:
    """What a tool may say, a tool may say in its own words."""
    assert BUILT_IN["en"].keys() <= SENTENCE_KEYS
