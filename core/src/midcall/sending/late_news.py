"""News that comes after the agent was answered goes into the live call, where the platform can put it there."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from midcall.contract.messages import Message, MessageEvent, MessageState
from midcall.contract.outcomes import Status
from midcall.contract.platform import Platform
from midcall.contract.tool import Tool
from midcall.ledger import Ledger
from midcall.sending.sentences import sentence

log = logging.getLogger("midcall.late_news")

_BAD_NEWS = {MessageState.REJECTED, MessageState.UNDELIVERED, MessageState.EXPIRED}
_REMEMBERED = 10_000  # messages whose failure was told: far more than fail while their calls last


class LateNews:
    """Tells a call that a text it was told about did not arrive. Good news is not told: the agent has said it already."""

    def __init__(
        self, ledger: Ledger, platforms: Mapping[str, Platform[Any]], tools: Mapping[str, Tool]
    ) -> None:
        self._ledger = ledger
        self._platforms = platforms
        self._tools = tools
        self._being_answered: dict[str, Message | None] = {}
        self._told: dict[str, None] = {}

    def hold(self, message_id: str) -> None:
        """The agent is being answered about this message: news of it may become the answer, and is kept until `let_go`."""
        self._being_answered[message_id] = None

    def let_go(self, message_id: str, status: Status | None) -> Message | None:
        """The agent was answered with `status` (None: not at all). The message whose news is still to be told, if any."""
        news = self._being_answered.pop(message_id, None)
        if status is Status.REJECTED:
            self._first(message_id)
            return None
        return news

    async def tell_of_change(self, message: Message, event: MessageEvent) -> bool:
        """A receipt moved a message. See `tell`."""
        if event.kind != "receipt":
            return False
        if message.id in self._being_answered:
            self._being_answered[message.id] = message
            return False
        return await self.tell(message)

    async def tell(self, message: Message) -> bool:
        """Whether the call was told. Only of a failure, once, in a call that is open, on a platform that reaches live calls."""
        if message.state not in _BAD_NEWS or not self._first(message.id):
            return False
        platform, tool = self._platforms.get(message.platform), self._tools.get(message.tool)
        if platform is None or tool is None or not platform.reaches_live_calls:
            return False
        call = await self._ledger.call(message.platform, message.call_id)
        if call is None or not call.open:
            return False
        words = sentence(
            tool,
            language=call.language or tool.language,
            status=Status.REJECTED,
            reason=message.reason,
            duplicate=False,
        )
        text = (
            f"The text message did not arrive ({message.reason or 'undelivered'}). Tell the caller: {words}"
        )
        return await platform.tell_call(call, text, respond=True)

    def _first(self, message_id: str) -> bool:
        """Whether a message's failure is told for the first time; receipt and answer may both bring it."""
        if message_id in self._told:
            return False
        self._told[message_id] = None
        if len(self._told) > _REMEMBERED:
            del self._told[next(iter(self._told))]
        return True
