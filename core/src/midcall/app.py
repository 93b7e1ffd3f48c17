"""`Midcall`: everything put together, with a lifetime. The server and the command line stand on it; so can your own program.

::

    async with Midcall(load_settings()) as midcall:
        outcome = await midcall.send(call, "send_sms", {"message": "..."}, tool_call_id="tool_call_1")
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from midcall.assembly import Assembly, assemble
from midcall.contract.calls import Call, CallEvent, CallEventKind, ToolCall
from midcall.contract.carrier import Carrier
from midcall.contract.errors import LedgerError, MidcallError, UnknownToolError
from midcall.contract.messages import Message, MessageEvent
from midcall.contract.outcomes import Outcome
from midcall.contract.platform import Platform
from midcall.contract.reasons import Reason
from midcall.contract.tool import Tool
from midcall.contract.webhooks import WebhookRequest, WebhookResponse
from midcall.ledger import Applied, Ledger
from midcall.ledger.location import ledger_identity
from midcall.plugins import PluginReport
from midcall.sending import Preview, refused_without_turn
from midcall.settings import Settings
from midcall.tasks import Tasks
from midcall.tools import tool_warnings

log = logging.getLogger("midcall")

SWEEP_S = 2.0
"""Seconds between two looks for messages whose process died or whose lease ran out."""

TIDY_EVERY = 300
"""Sweeps between two tidyings of what has expired (ten minutes)."""


class Midcall:
    """One deployment in one process: settings, plugins, ledger, journeys. Start it with `async with`, or `start` / `aclose`."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is opened or imported before `start`."""
        self.settings = settings
        self._assembly: Assembly | None = None
        self._tasks = Tasks()
        self._sweeping: asyncio.Task[None] | None = None
        self._ledger_identity: tuple[int, int] | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    # Lifetime --------------------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether it has been started and not closed."""
        return self._assembly is not None

    async def start(self) -> None:
        """Load the plugins, open the ledger, settle what a crash left behind. Raises `ConfigError` or `LedgerError`."""
        self._tasks.open()
        for name, tool in self.settings.tools.items():
            for warning in tool_warnings(tool):
                log.warning("[tools.%s] %s", name, warning)
            if tool.wait_for_receipt and self.settings.server.public_url is None:
                log.warning(
                    "[tools.%s] wait_for_receipt: every text waits the whole budget_ms for nothing, because without "
                    "server.public_url no carrier is told where to send receipts; set it, or remove wait_for_receipt",
                    name,
                )
        assembly = await assemble(
            self.settings, start_task=self._tasks.start, stopping=lambda: self._tasks.closing
        )
        self._assembly = assembly
        self._ledger_identity = ledger_identity(self.settings.ledger_url)
        try:
            await self._recover()
            assembly.ledger.on_change(self._on_change)
            await assembly.host.start()
        except BaseException:
            await self.aclose()
            raise
        self._sweeping = asyncio.create_task(self._sweep(), name="midcall-sweep")

    async def aclose(self) -> None:
        """Let what is being sent end (15 s at the most), then close. May be called more than once."""
        assembly = self._assembly
        if assembly is None:
            return
        self._tasks.closing = True  # from here on, not only once the sweep has ended
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)
        await self._tasks.finish()
        self._assembly = None
        await assembly.host.aclose()
        await assembly.ledger.aclose()

    # Sending ---------------------------------------------------------------------------------------------------------

    async def send(
        self,
        call: Call,
        tool: str | Tool,
        arguments: Mapping[str, Any] | None = None,
        *,
        tool_call_id: str | None = None,
    ) -> Outcome:
        """One tool call, answered within the tool's budget. A refusal is an outcome, not an exception.

        Repeat a call with the same `tool_call_id` as often as you like: one text. Cancelling stops it only while nothing has
        been claimed.
        """
        name = tool if isinstance(tool, str) else tool.name
        return await self._send(
            ToolCall(call=call, tool=name, arguments=arguments or {}, id=tool_call_id), tool
        )

    async def preview(
        self, call: Call, tool: str | Tool, arguments: Mapping[str, Any] | None = None
    ) -> Preview:
        """What would be sent, from where, at what cost, and every verdict; nothing is sent or written down.

        Raises `UnknownToolError` for a tool that is not configured.
        """
        chosen = self._tool(tool)
        tool_call = ToolCall(call=call, tool=chosen.name, arguments=arguments or {})
        return await self._running.journey.preview(tool_call, chosen)

    async def _send(self, tool_call: ToolCall, tool: str | Tool) -> Outcome:
        running = self._running
        try:
            chosen = self._tool(tool)
        except UnknownToolError as error:
            log.error("%s", error)
            return refused_without_turn(Reason.UNKNOWN_TOOL, str(error), language=tool_call.call.language)
        if self._tasks.closing:
            with self._tasks.request():
                return await running.journey.answer_while_stopping(tool_call, chosen)
        self._tasks.start(self._remember(tool_call.call))
        with self._tasks.request():
            return await running.journey.send(tool_call, chosen)

    def _tool(self, tool: str | Tool) -> Tool:
        if isinstance(tool, Tool):
            return tool
        found = self.settings.tools.get(tool)
        if found is None:
            raise UnknownToolError(tool, tuple(sorted(self.settings.tools)))
        return found

    # Webhooks --------------------------------------------------------------------------------------------------------

    async def answer_tool_call(self, instance: str, tool: str, request: WebhookRequest) -> WebhookResponse:
        """A platform's tool call, from its raw request to its raw answer. Raises `BadSignature` or `Unreadable`."""
        platform = self.platforms[instance]
        tool_call = platform.decode_tool_call(request, tool)
        return platform.encode_outcome(await self._send(tool_call, tool), tool_call)

    async def take_event(self, instance: str, request: WebhookRequest) -> CallEvent:
        """A platform's call event: a call that opens is remembered and warmed up for, one that ends is closed."""
        event = self.platforms[instance].decode_event(request)
        if event.call is None:
            return event
        if event.kind is CallEventKind.OPENED:
            await self.call_opened(event.call)
        elif event.kind is CallEventKind.ENDED:
            await self.call_ended(event.call)
        return event

    async def call_opened(self, call: Call) -> None:
        """Remember a call, and get ready for its first text: connection open, sender's registration looked up."""
        await self._running.ledger.save_call(call)
        self._tasks.start(self._get_ready(call))

    async def call_ended(self, call: Call) -> None:
        """The call is over: tools send no more in it, unless they say `after_call`."""
        ended = replace(call, ended_at=call.ended_at or datetime.now(UTC))
        await self._running.ledger.save_call(ended)

    async def take_status(self, account: str, request: WebhookRequest) -> tuple[Applied, ...]:
        """A carrier's status callback. Raises `BadSignature`, `Unreadable` or `LedgerError`."""
        return await self._running.receipts.take(account, request)

    # Looking ---------------------------------------------------------------------------------------------------------

    @property
    def ledger(self) -> Ledger:
        """The open ledger."""
        return self._running.ledger

    @property
    def accounts(self) -> Mapping[str, Carrier[Any]]:
        """The configured accounts, by name."""
        return self._running.host.carriers

    @property
    def platforms(self) -> Mapping[str, Platform[Any]]:
        """The configured platform instances, by name."""
        return self._running.host.platforms

    def plugins(self) -> tuple[PluginReport, ...]:
        """Every plugin that was found, and what became of it."""
        return self._running.host.report()

    async def problems(self) -> list[str]:
        """What keeps texts from being sent now, as sentences; empty when ready."""
        if self._assembly is None:
            return ["Midcall has not been started"]
        found = []
        try:
            await self.ledger.messages(limit=1)  # it can be read,
            await self._recover()  # and written
            if ledger_identity(self.settings.ledger_url) != self._ledger_identity:
                # SQLite goes on reading and writing a file that has been removed, and all of it is lost at the next start.
                found.append(
                    f"the ledger {self.settings.ledger_url} was removed or replaced while Midcall runs: restart Midcall"
                )
        except LedgerError as error:
            found.append(str(error))
        if not self.accounts:
            found.append("no account is configured: add [accounts.NAME] to the settings")
        return found

    @property
    def _running(self) -> Assembly:
        if self._assembly is None:
            raise MidcallError("Midcall is not running: use `async with Midcall(settings)`, or await start()")
        return self._assembly

    # In the background -----------------------------------------------------------------------------------------------

    async def _remember(self, call: Call) -> None:
        """Beside the turn: the call's row is for people and for later turns, the agent need not wait for it."""
        try:
            await self._running.ledger.save_call(call)
        except LedgerError as error:
            log.error("call %s could not be remembered: %s", call.id, error)

    async def _get_ready(self, call: Call) -> None:
        """Connections open, and what the carriers know of the agent's number looked up, before the first text needs it."""
        host, number = self._running.host, call.agent_number
        accounts = [account for account in self._accounts_of(number) if account in host.adapters]
        warming = [host.warm_up(account) for account in accounts]
        priming = [host.adapters[account].prime(number) for account in accounts] if number else []
        await asyncio.gather(*warming, *priming)

    def _accounts_of(self, number: str | None) -> list[str]:
        entry = self.settings.numbers.get(number or "")
        return [entry.account] if entry is not None and entry.account else list(self.settings.accounts)

    async def _recover(self) -> None:
        for message in await self._running.ledger.recover():
            log.warning(
                "message %s: the process that was sending it died; whether it left is unknown", message.id
            )

    async def _sweep(self) -> None:
        """Leases that run out and owners that die, for as long as this process lives."""
        rounds = 0
        while True:
            await asyncio.sleep(SWEEP_S)
            rounds += 1
            try:
                await self._recover()
                if rounds % TIDY_EVERY == 0:
                    await self._running.ledger.tidy()
            except LedgerError as error:
                log.error("the ledger could not be looked through: %s", error)
            except Exception:  # whatever it was, the next look must come: it is what finds the dead
                log.exception("the ledger could not be looked through")

    def _on_change(self, message: Message, event: MessageEvent) -> None:
        self._tasks.start(self._running.receipts.learn(message, event))
        self._tasks.start(self._tell(message, event))

    async def _tell(self, message: Message, event: MessageEvent) -> None:
        running = self._running
        await running.host.dispatch.notify("midcall_message_changed", message=message, event=event)
        await running.late_news.tell_of_change(message, event)
