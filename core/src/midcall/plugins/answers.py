"""What asking a plugin gives: an answer or a failure, and either knows whose it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from midcall.contract.errors import ContentRefused
from midcall.contract.messages import Content, Verdict
from midcall.contract.reasons import Reason
from midcall.contract.results import Accepted, NotProcessed, Refused, Scope, SendResult, Unknown
from midcall.contract.senders import Sender
from midcall.plugins.wording import cause, origin_of

PluginName = str
"""The name a plugin is registered under: its entry point's, or `twilio (account eu)` for an account of a carrier."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The distribution a plugin comes from, and its version; both empty for one that was handed to the host as an object."""

    distribution: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What `plugin` answered; `value` is None when it abstained."""

    plugin: PluginName
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A plugin that gave no usable answer: it raised `error`, answered something else than it should, or was too slow.

    `asked` is False when the plugin was not called at all (in quarantine, not loaded): whatever the hook does, it did not
    happen. `detail` is the end of the sentence that `text` makes.
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
        """The plugin raised `error`."""
        detail = error.detail if isinstance(error, ContentRefused) else cause(error)
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
    """`value` if it is what `hook` answers, else `TypeError`: a gate that answers False would otherwise pass as no objection.

    Verdicts get the plugin's name, senders become a tuple.
    """
    if value is None or hook not in _READERS:
        return value
    return _READERS[hook](plugin, value)


def _senders(_plugin: PluginName, value: Any) -> tuple[Sender, ...]:
    if not isinstance(value, Sequence) or not all(isinstance(each, Sender) for each in value):
        raise TypeError(f"it answered {type(value).__name__}, not a list of Sender")
    return tuple(value)


def _content(_plugin: PluginName, value: Any) -> Content:
    if not isinstance(value, Content):
        raise TypeError(f"it answered {type(value).__name__}, not a Content or None")
    return value


def _verdict(plugin: PluginName, value: Any) -> Verdict:
    if not isinstance(value, Verdict):
        raise TypeError(f"it answered {type(value).__name__}, not a Verdict or None")
    return replace(value, plugin=plugin)


def _send_result(_plugin: PluginName, value: Any) -> SendResult:
    if not isinstance(value, Accepted | NotProcessed | Refused | Unknown):
        raise TypeError(f"it answered {type(value).__name__}, not Accepted, NotProcessed, Refused or Unknown")
    return value


_READERS: Mapping[str, Callable[[PluginName, Any], Any]] = {
    "midcall_resolve_sender": _senders,
    "midcall_render_content": _content,
    "midcall_transform_content": _content,
    "midcall_check_eligibility": _verdict,
    "midcall_send_message": _send_result,
}
