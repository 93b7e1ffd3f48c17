"""Every error Midcall raises.

::

    MidcallError
    ├── ConfigError           a setting is wrong: file, key, variable and fix are named; nothing was started
    ├── PluginError           a plugin that must load did not, or one of its hooks failed
    ├── UnknownToolError      no tool of that name is configured
    ├── WebhookError          a request that a plugin does not take: it becomes an HTTP answer
    │   ├── BadSignature      401: not signed, wrongly signed, or signed too long ago
    │   └── Unreadable        400: signed, but not what the plugin understands
    ├── ContentRefused        raised by a content hook: the text is refused with a reason of the plugin's own
    └── LedgerError           the ledger cannot be read or written; nothing was sent
        └── LedgerBusy        it was locked, or too slow, within the time there was
"""

from __future__ import annotations

from midcall.contract.reasons import Reason


class MidcallError(Exception):
    """The root of Midcall's errors; its text is fit for a person."""


class ConfigError(MidcallError):
    """A setting is wrong. `problems` are whole sentences: where, what, and what to do."""

    def __init__(self, *problems: str) -> None:
        """`problems`: one sentence each."""
        self.problems = problems
        super().__init__("\n".join(problems))


class PluginError(MidcallError):
    """A plugin failed. The text names the plugin, its distribution and version, and the hook."""


class WebhookError(MidcallError):
    """A request that is not taken; `status` is the HTTP status it is answered with, `fix` what to do about it."""

    status = 400

    def __init__(self, message: str, *, fix: str = "") -> None:
        """`message` says what is wrong with the request, `fix` what the person who configured it should do."""
        self.fix = fix
        super().__init__(message)


class BadSignature(WebhookError):
    """The request is not signed, wrongly signed, or signed too long ago."""

    status = 401


class Unreadable(WebhookError):
    """The request is authentic and still not what the plugin understands."""

    status = 400


class ContentRefused(MidcallError):
    """Raise it in `midcall_render_content` or `midcall_transform_content` to refuse a text with words of your own."""

    def __init__(self, reason: Reason, detail: str) -> None:
        """`reason` is told to the agent, `detail` explains it to a developer."""
        self.reason = reason
        self.detail = detail
        super().__init__(detail)


class LedgerError(MidcallError):
    """The ledger cannot be read or written. Nothing was sent."""


class LedgerBusy(LedgerError):
    """The ledger was locked or too slow within the time there was. Nothing was sent."""


class UnknownToolError(MidcallError):
    """No tool of that name is configured."""

    def __init__(self, tool: str, known: tuple[str, ...]) -> None:
        """`known` are the names there are."""
        self.tool = tool
        self.known = known
        listed = ", ".join(known) or "none"
        super().__init__(
            f"no tool {tool!r} is configured: add [tools.{tool}] to the settings; there is {listed}"
        )
