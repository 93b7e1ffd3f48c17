"""Core's sender resolution: the agent's own number, the account it is listed under or the only one, and its fallbacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from midcall.contract.calls import Call
from midcall.contract.markers import hookimpl
from midcall.contract.senders import ContentRule, Needs, Sender

_POOL = "pool:"


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRoute:
    """`[numbers."+1..."]`: the account a number belongs to (None: as for a number that is not listed), and what to try
    after it: numbers, or `pool:NAME`."""

    account: str | None
    fallback: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """`[pools.NAME]`: numbers shared by agents, in the order they are tried, and the content they allow."""

    numbers: tuple[str, ...]
    content: ContentRule = ContentRule.ANY


class ConfiguredNumbers:
    """Answers for numbers listed under `[numbers]`, and for every number when there is only one account.

    A number that is not listed where there are several accounts is left to the accounts themselves: the one whose carrier
    says it owns the number offers it. A tool that asks for the pool is left to a pool plugin. A call without a number of ours
    (a web call) is texted from the only number listed, if there is just one. A number that is in a template-only pool sends
    templates only, in whatever way it was found: that is a rule of the number's registration.
    """

    def __init__(
        self,
        routes: Mapping[str, NumberRoute],
        accounts: Sequence[str],
        pools: Mapping[str, Pool] | None = None,
    ) -> None:
        self._routes = routes
        self._accounts = tuple(accounts)
        self._pools = pools or {}
        self._templates_only = frozenset(
            number
            for pool in self._pools.values()
            if pool.content is ContentRule.TEMPLATE
            for number in pool.numbers
        )

    @hookimpl(tryfirst=True)
    def midcall_resolve_sender(self, call: Call, needs: Needs) -> Sequence[Sender] | None:
        """The agent's number first, then its fallbacks in the order they are written."""
        number = call.agent_number or self._only_number()
        if needs.pool or number is None:
            return None
        first = self._sender(number)
        if first is None:
            return None
        route = self._routes.get(number)
        candidates = [first]
        for entry in route.fallback if route else ():
            candidates.extend(self._named(entry))
        return candidates

    def _only_number(self) -> str | None:
        return next(iter(self._routes)) if len(self._routes) == 1 else None

    def _named(self, entry: str) -> Iterator[Sender]:
        """The senders behind one entry of `fallback`: a number, or `pool:NAME`."""
        numbers = self._pools[entry.removeprefix(_POOL)].numbers if entry.startswith(_POOL) else (entry,)
        for number in numbers:
            sender = self._sender(number)
            if sender is not None:
                yield sender

    def _sender(self, number: str) -> Sender | None:
        route = self._routes.get(number)
        content = ContentRule.TEMPLATE if number in self._templates_only else ContentRule.ANY
        if route is not None and route.account is not None:
            return Sender(number=number, account=route.account, content=content)
        if len(self._accounts) == 1:
            return Sender(number=number, account=self._accounts[0], content=content)
        return None
