"""What asking a plugin gives: an answer or a failure, and either knows whose it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from midcall.contract.errors import ContentRefused
from midcall.contract.messages import Content, Verdict
from midcall.contract.reasons import Reason
from midcall.contract.results import Accepted, NotProcessed, Refused, Scope, SendResult, Unknown
from midcall.contract.senders import ContentRule, Sender
from midcall.plain import whole
from midcall.plugins.wording import cause, kind_of, origin_of

PluginName = str
"""The name a plugin is registered under: its entry point's, or `twilio (account eu)` for an account of a carrier."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The distribution a plugin comes from, and its version; both empty for one that was handed to the host as an object."""

    distribution: str = ""
    version: str = ""


class WrongAnswer(TypeError):
    """A plugin answered something else than its hook does. The words are the host's own: they name a field, and no value."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What `plugin` answered; `value` is None when it abstained."""

    plugin: PluginName
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A plugin that gave no usable answer: it raised `error`, answered something else than it should, or was too slow.

    `asked` is False when the plugin was not called at all (in quarantine, not loaded): whatever the hook does, it did not
    happen. `detail` is the end of the sentence that `text` makes. Of an exception it has the class and the place and not the
    words, since outcomes are told to platforms; `log_text` has those too, masked.
    """

    plugin: PluginName
    hook: str
    detail: str
    origin: Origin = Origin()
    error: BaseException | None = None
    timed_out: bool = False
    asked: bool = True

    @property
    def distribution(self) -> str:
        """The distribution the plugin comes from."""
        return self.origin.distribution

    @property
    def version(self) -> str:
        """The version of that distribution."""
        return self.origin.version

    @property
    def text(self) -> str:
        """One sentence: who failed, where, and why."""
        who = f"plugin {self.plugin!r}{origin_of(self.distribution, self.version)}"
        return f"{who} failed in {self.hook}: {self.detail}"

    def __str__(self) -> str:
        return self.text

    @property
    def log_text(self) -> str:
        """`text` for the log: with the words of the exception, numbers and credentials masked."""
        if self.error is None or isinstance(self.error, ContentRefused | WrongAnswer):
            return self.text
        return replace(self, detail=cause(self.error)).text

    @property
    def reason(self) -> Reason:
        """The reason a text is refused with: the plugin's own if it raised `ContentRefused`."""
        if isinstance(self.error, ContentRefused):
            return self.error.reason
        return Reason.PLUGIN_TIMED_OUT if self.timed_out else Reason.PLUGIN_FAILED

    def as_verdict(self) -> Verdict:
        """The denial a failed check amounts to. It is final: a missing consent check must not fail open."""
        return replace(Verdict.deny(self.reason, self.text), plugin=self.plugin)

    @classmethod
    def raised(cls, plugin: PluginName, hook: str, origin: Origin, error: BaseException) -> Failure:
        """The plugin raised `error`. A `ContentRefused` that has not the reason and the words it should is a failure."""
        if isinstance(error, ContentRefused):
            wrong = _wrong_refusal(error.reason, error.detail)
            error = wrong or ContentRefused(error.reason, whole(error.detail))
        detail = str(error) if isinstance(error, ContentRefused | WrongAnswer) else kind_of(error)
        return cls(plugin=plugin, hook=hook, detail=detail, origin=origin, error=error)


def as_send_result(answer: Answer | Failure) -> SendResult:
    """What an answer to `midcall_send_message` means for the text.

    A failure is `Unknown`, since the request may have left; a plugin that was never asked certainly did not send it, and
    another sender may be tried.
    """
    if isinstance(answer, Answer):
        if isinstance(answer.value, SendResult):
            return answer.value
        return Unknown(detail=f"plugin {answer.plugin!r} gave no answer to midcall_send_message")
    if answer.asked:
        return Unknown(detail=answer.text)
    return Refused(answer.reason, Scope.SENDER, detail=answer.text)


def checked(hook: str, plugin: PluginName, value: Any) -> Any:
    """`value` if it is what `hook` answers, else `WrongAnswer`: a gate that answers False would otherwise pass as no objection.

    Fields are looked at too, since nothing else keeps a plugin from putting anything in them. Verdicts get the plugin's name,
    senders become a tuple. A lone half of a surrogate pair, which can be neither stored nor sent, becomes U+FFFD in a verdict's
    detail, and is a wrong answer elsewhere.
    """
    if value is None or hook not in _READERS:
        return value
    return _READERS[hook](plugin, value)


def _senders(_plugin: PluginName, value: Any) -> tuple[Sender, ...]:
    if not isinstance(value, Sequence) or not all(isinstance(each, Sender) for each in value):
        raise WrongAnswer(f"it answered {type(value).__name__}, not a list of Sender")
    for sender in value:
        _demand("Sender.number", "text", right=_is_name(sender.number))
        _demand("Sender.account", "text", right=_is_name(sender.account))
        _demand("Sender.content", "a ContentRule", right=isinstance(sender.content, ContentRule))
    return tuple(value)


def _content(_plugin: PluginName, value: Any) -> Content:
    if not isinstance(value, Content):
        raise WrongAnswer(f"it answered {type(value).__name__}, not a Content or None")
    _demand("Content.text", "text", right=isinstance(value.text, str))
    media: object = value.media
    urls = isinstance(media, tuple) and all(isinstance(url, str) for url in media)
    _demand("Content.media", "a tuple of URLs", right=urls)
    _demand(
        "Content.template", "text or None", right=value.template is None or isinstance(value.template, str)
    )
    _demand("Content.identity", "text", right=isinstance(value.identity, str))
    # Refused rather than mended: what a plugin made of a text is the plugin's to get right.
    written = (value.text, *value.media, value.template or "", value.identity)
    _demand(
        "Content",
        "text that can be stored (it has half of a surrogate pair)",
        right=all(map(_is_whole, written)),
    )
    return value


def _verdict(plugin: PluginName, value: Any) -> Verdict:
    if not isinstance(value, Verdict):
        raise WrongAnswer(f"it answered {type(value).__name__}, not a Verdict or None")
    _demand("Verdict.allowed", "a bool", right=isinstance(value.allowed, bool))
    _demand(
        "Verdict.reason", "a Reason or None", right=value.reason is None or isinstance(value.reason, Reason)
    )
    _demand("Verdict.detail", "text", right=isinstance(value.detail, str))
    _demand("Verdict.of_sender", "a bool", right=isinstance(value.of_sender, bool))
    return replace(value, detail=whole(value.detail), plugin=plugin)


def _send_result(_plugin: PluginName, value: Any) -> SendResult:
    if not isinstance(value, Accepted | NotProcessed | Refused | Unknown):
        raise WrongAnswer(
            f"it answered {type(value).__name__}, not Accepted, NotProcessed, Refused or Unknown"
        )
    return value


def _wrong_refusal(reason: object, detail: object) -> WrongAnswer | None:
    if not isinstance(reason, Reason):
        return WrongAnswer("the reason of the ContentRefused it raised is not a Reason")
    if not isinstance(detail, str):
        return WrongAnswer("the detail of the ContentRefused it raised is not text")
    return None


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value != "" and _is_whole(value)


def _is_whole(text: str) -> bool:
    return whole(text) == text


def _demand(field: str, kind: str, *, right: bool) -> None:
    if not right:
        raise WrongAnswer(f"the {field} it answered is not {kind}")


_READERS: Mapping[str, Callable[[PluginName, Any], Any]] = {
    "midcall_resolve_sender": _senders,
    "midcall_render_content": _content,
    "midcall_transform_content": _content,
    "midcall_check_eligibility": _verdict,
    "midcall_send_message": _send_result,
}
