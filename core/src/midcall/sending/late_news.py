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


class LateNews:
    """Tells a call that a text it was told about did not arrive. Good news is not told: the agent has said it already."""

    def __init__(
        self, ledger: Ledger, platforms: Mapping[str, Platform[Any]], tools: Mapping[str, Tool]
    ) -> None:
        self._ledger = ledger
        self._platforms = platforms
        self._tools = tools

    async def tell_of_change(self, message: Message, event: MessageEvent) -> bool:
        """A receipt moved a message. See `tell`."""
        return event.kind == "receipt" and await self.tell(message)

    async def tell(self, message: Message) -> bool:
        """Whether the call was told. Only of a failure, in a call that is open, on a platform that reaches live calls."""
        platform, tool = self._platforms.get(message.platform), self._tools.get(message.tool)
        if message.state not in _BAD_NEWS or platform is None or tool is None:
            return False
        if not platform.reaches_live_calls:
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
