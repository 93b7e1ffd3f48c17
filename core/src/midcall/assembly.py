"""How the parts fit together: from settings to a ledger, a plugin host and the journeys."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from midcall.builtin import ConfiguredNumbers, CoreContent, CoreRules, NumberRoute, Pool, variables_of
from midcall.contract.carrier import Carrier
from midcall.contract.messages import OutboundMessage
from midcall.contract.results import SendResult
from midcall.contract.senders import ContentRule
from midcall.ledger import Ledger
from midcall.plugins import HostConfiguration, PluginHost, as_send_result
from midcall.sending import (
    Answering,
    BlockedSenders,
    ClaimWriter,
    Drafting,
    LateNews,
    Receipts,
    SegmentCounter,
    SendingJourney,
    StartTask,
    Transport,
)
from midcall.settings import Settings, validate


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """The running parts."""

    ledger: Ledger
    host: PluginHost
    journey: SendingJourney
    receipts: Receipts
    late_news: LateNews


async def assemble(settings: Settings, *, start_task: StartTask, stopping: Callable[[], bool]) -> Assembly:
    """Load the plugins first, since they may be misconfigured, then open the ledger. Raises `ConfigError`, `LedgerError`."""
    blocked = BlockedSenders()
    counting = SegmentCounter()
    host = plugin_host(settings, counting, blocked)
    await asyncio.to_thread(host.load)
    counting.carriers = host.carriers
    try:
        ledger = await Ledger.open(settings.ledger_url)
    except BaseException:
        await host.aclose()
        raise
    for sender in await ledger.blocked_senders():
        blocked.restore(sender)
    drafting = Drafting(
        host.dispatch,
        hook_s=settings.hooks.deadline_ms / 1000,
        content_s=settings.hooks.content_deadline_ms / 1000,
        count=counting,
    )
    late_news = LateNews(ledger, host.platforms, settings.tools)
    claims = ClaimWriter(ledger, carrier_of=lambda account: _carrier_name(host.carriers, account))
    transport = Transport(
        ledger,
        drafting,
        partial(_wire, host),
        capabilities_of=lambda account: host.carriers[account].capabilities,
        status_url=partial(_status_url, settings),
        stopping=stopping,
    )
    journey = SendingJourney(
        ledger=ledger,
        drafting=drafting,
        claims=claims,
        answering=Answering(
            ledger=ledger, claims=claims, transport=transport, late_news=late_news, start_task=start_task
        ),
        variables_of=variables_of,
    )
    receipts = Receipts(ledger, host.carriers, blocked)
    return Assembly(ledger=ledger, host=host, journey=journey, receipts=receipts, late_news=late_news)


def plugin_host(
    settings: Settings, counting: SegmentCounter | None = None, blocked: BlockedSenders | None = None
) -> PluginHost:
    """The host with core's own plugins, not loaded yet."""
    poisoned = blocked or BlockedSenders()
    return PluginHost(
        host_configuration(settings),
        builtins=[
            ("numbers", configured_numbers(settings)),
            ("content", CoreContent(settings.templates, variables_of)),
            ("rules", CoreRules(counting or SegmentCounter())),
        ],
        blocked=lambda account, number: poisoned.reason(account, number, now=datetime.now(UTC)),
    )


def host_configuration(settings: Settings) -> HostConfiguration:
    """What the plugin host is told of the settings."""
    return HostConfiguration(
        accounts=settings.accounts,
        platforms=settings.platforms,
        plugins=settings.plugins,
        required=settings.required_plugins,
        order=settings.order,
        only=settings.only_plugins,
        disabled=settings.disabled_plugins,
        hook_deadline_s=settings.hooks.deadline_ms / 1000,
        content_deadline_s=settings.hooks.content_deadline_ms / 1000,
        validate=partial(_plugin_settings, settings),
    )


def _plugin_settings(
    settings: Settings,
    model: type[BaseModel],
    values: Mapping[str, Any],
    where: str,
    _env_prefix: str,
    customary: Mapping[str, str],
) -> BaseModel:
    """A plugin's table as its own class reads it; the raw table knows which file or variable each value came from."""
    section, _, name = where.strip("[]").partition(".")
    raw = getattr(settings, section).get(name, values)
    return validate(
        model,
        raw,
        where=f"{section}.{name}",
        file=settings.source,
        environ=os.environ,
        customary=customary,
        use_customary=bool(customary),
    )


def configured_numbers(settings: Settings) -> ConfiguredNumbers:
    """`[numbers]` and `[pools]` as the built-in sender resolution takes them."""
    routes = {
        number: NumberRoute(account=entry.account, fallback=entry.fallback)
        for number, entry in settings.numbers.items()
    }
    pools = {
        name: Pool(numbers=pool.numbers, content=ContentRule(pool.content))
        for name, pool in settings.pools.items()
    }
    return ConfiguredNumbers(routes, list(settings.accounts), pools)


async def _wire(host: PluginHost, message: OutboundMessage, *, deadline_s: float) -> SendResult:
    """`midcall_send_message`, asked of the sender's account and of nobody else."""
    answer = await host.dispatch.only(
        "midcall_send_message", host.plugin_of(message.account), deadline_s=deadline_s, message=message
    )
    return as_send_result(answer)


def _status_url(settings: Settings, account: str, message_id: str, attempt: int) -> str | None:
    """Where receipts should go, with our id in it: a callback settles what the answer left unknown."""
    base = settings.server.public_url
    if base is None:
        return None
    return f"{base.rstrip('/')}/carriers/{quote(account, safe='')}/status?m={message_id}&a={attempt}"


def _carrier_name(carriers: Mapping[str, Carrier[Any]], account: str) -> str | None:
    carrier = carriers.get(account)
    return carrier.name if carrier else None
