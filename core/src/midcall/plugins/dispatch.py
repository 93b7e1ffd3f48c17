"""Asking plugins: who is asked, where their code runs, how long they have, and whose answer is whose.

pluggy keeps the implementations; the asking is ours, because pluggy calls everything on the event loop, takes a coroutine for
an answer, stops at the first exception and does not say who answered.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from midcall.contract.errors import ContentRefused
from midcall.contract.markers import Registry
from midcall.contract.messages import Draft
from midcall.plain import text_of
from midcall.plugins.answers import Answer, Failure, Origin, PluginName, checked
from midcall.plugins.implementations import Implementation, Runs, prepared
from midcall.plugins.quarantine import Quarantine
from midcall.plugins.threads import HookThreads

_log = logging.getLogger("midcall.plugins")

_LAST_WAIT_S = 1.0


@dataclass(slots=True, eq=False)
class _Question:
    """One implementation that has been asked and has not answered yet."""

    implementation: Implementation
    hook: str
    began: float
    reached: bool = False
    """Whether the plugin's code began to run: one that waited in line for a thread did not miss anything."""

    task: asyncio.Future[Any] = field(init=False)


class Dispatch:
    """The loaded plugins' hooks, in order, and the ways to ask them. Belongs to one event loop; close it with `aclose`.

    `trusted` names core's own plugins: their plain functions run on the event loop, at once. All others' plain functions run
    in `threads`. `order` names the plugins that are asked before all others. Deadlines are in seconds and are each plugin's
    own, so that a slow one is not blamed on the next; a caller bounds the whole by cancelling. An async hook that misses its
    deadline is cancelled, and is not waited for: it may swallow that. Missing a deadline shorter than `fair_deadline_s`, the
    rest of a turn that others have used up, does not count towards quarantine.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        order: Sequence[PluginName] = (),
        origins: Mapping[PluginName, Origin] | None = None,
        trusted: Collection[PluginName] = (),
        threads: int = 8,
        threads_per_plugin: int = 4,
        fair_deadline_s: float = 0.0,
        quarantine_after: int = 3,
        probe_after_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = registry
        self._order = tuple(order)
        self._origins = origins or {}
        self._trusted = frozenset(trusted)
        self._threads = HookThreads(size=threads, per_plugin=threads_per_plugin)
        self._fair_deadline_s = fair_deadline_s
        self._quarantine = Quarantine(after=quarantine_after, probe_after_s=probe_after_s, clock=clock)
        self._implementations: dict[str, tuple[Implementation, ...]] = {}
        self._left: dict[asyncio.Future[Any], str] = {}

    # --- Asking -----------------------------------------------------------------------------------------------------

    async def first_in_order(
        self, hook: str, /, *, deadline_s: float | None, **kwargs: Any
    ) -> Answer | Failure | None:
        """Ask one after the other until one answers something; None if nobody does. A failure ends the asking.

        None and an empty list pass the question on.
        """
        for implementation in self._of(hook):
            answer = await self._one(implementation, hook, kwargs, deadline_s)
            if isinstance(answer, Failure):
                return answer
            if answer.value is not None and answer.value != ():
                return answer
        return None

    async def chain(self, hook: str, /, draft: Draft, *, deadline_s: float | None) -> Draft | Failure:
        """Let each in turn change the draft's content, seeing what the last one made of it. A failure ends the chain."""
        for implementation in self._of(hook):
            answer = await self._one(implementation, hook, {"draft": draft}, deadline_s)
            if isinstance(answer, Failure):
                return answer
            if answer.value is not None:
                draft = replace(draft, content=answer.value)
        return draft

    async def everyone(
        self, hook: str, /, *, deadline_s: float | None, **kwargs: Any
    ) -> tuple[Answer | Failure, ...]:
        """Ask all at once. One answer or failure each, in order, abstentions (`value` None) included."""
        return await self._all(self._of(hook), hook, kwargs, deadline_s)

    async def only(
        self, hook: str, /, plugin: PluginName, *, deadline_s: float | None, **kwargs: Any
    ) -> Answer | Failure:
        """Ask `plugin` and nobody else."""
        for implementation in self._of(hook):
            if implementation.plugin == plugin:
                return await self._one(implementation, hook, kwargs, deadline_s)
        detail = "no plugin of this name is loaded that implements it"
        return Failure(plugin=plugin, hook=hook, detail=detail, origin=self._origin(plugin), asked=False)

    async def notify(self, hook: str, /, *, deadline_s: float | None = 5.0, **kwargs: Any) -> None:
        """Tell everyone; what goes wrong is logged with the plugin's name. Quarantined observers are passed over."""
        for answer in await self.everyone(hook, deadline_s=deadline_s, **kwargs):
            # What was raised has been logged where it was caught.
            if isinstance(answer, Failure) and answer.asked and _is_quiet(answer):
                _log.error("%s", answer.text)

    # --- Looking ----------------------------------------------------------------------------------------------------

    def asked_in_order(self, hook: str) -> tuple[PluginName, ...]:
        """Names of the plugins that implement `hook`, in the order they are asked."""
        return tuple(implementation.plugin for implementation in self._of(hook))

    def quarantined(self, plugin: PluginName) -> tuple[str, ...]:
        """The hooks of `plugin` that keep hanging and are not asked for the time being."""
        return self._quarantine.hooks_of(plugin)

    async def aclose(self) -> None:
        """Cancel what is still running, wait a second for it, and let the threads go."""
        self._threads.close()
        for task in list(self._left):
            task.cancel()
        if self._left:
            await asyncio.wait(list(self._left), timeout=_LAST_WAIT_S)
        for name in sorted(set(self._left.values())):
            _log.warning("%s does not end when it is cancelled", name)

    # --- How --------------------------------------------------------------------------------------------------------

    def _origin(self, plugin: PluginName) -> Origin:
        return self._origins.get(plugin, Origin())

    def _of(self, hook: str) -> tuple[Implementation, ...]:
        """The implementations of `hook` in order, worked out on first use: plugins are not added once texts are sent."""
        known = self._implementations.get(hook)
        if known is None:
            found = getattr(self._registry.hook, hook).get_hookimpls()
            known = prepared(found, order=self._order, origins=self._origins, trusted=self._trusted)
            self._implementations[hook] = known
        return known

    async def _one(
        self, implementation: Implementation, hook: str, kwargs: Mapping[str, Any], deadline_s: float | None
    ) -> Answer | Failure:
        return (await self._all((implementation,), hook, kwargs, deadline_s))[0]

    async def _all(
        self,
        implementations: Iterable[Implementation],
        hook: str,
        kwargs: Mapping[str, Any],
        deadline_s: float | None,
    ) -> tuple[Answer | Failure, ...]:
        asked = [self._ask(implementation, hook, kwargs) for implementation in implementations]
        questions = [each for each in asked if isinstance(each, _Question)]
        if questions:
            try:
                await asyncio.wait([each.task for each in questions], timeout=deadline_s)
                if own := [each.task for each in questions if _keeps_its_own_time(each)]:
                    await asyncio.wait(own)
            except asyncio.CancelledError:
                # `wait` leaves the tasks running. Ours is the only reference to them, and nobody wants the answers now.
                for each in questions:
                    self._leave(each)
                    self._quarantine.left_open(each.implementation.plugin, hook)
                raise
        return tuple(
            self._concluded(each, deadline_s) if isinstance(each, _Question) else each for each in asked
        )

    def _ask(
        self, implementation: Implementation, hook: str, kwargs: Mapping[str, Any]
    ) -> Answer | Failure | _Question:
        """Put the question; the answer of a fast one is there at once."""
        plugin = implementation.plugin
        # Only what the implementation names. pluggy 1.7 also fills its arguments that have defaults, 1.6 does not.
        arguments = {name: kwargs[name] for name in implementation.arguments if name in kwargs}
        call = partial(implementation.function, **arguments)
        if implementation.runs is Runs.INLINE:
            return self._ask_inline(implementation, hook, call)
        if not self._quarantine.admits(plugin, hook):
            detail = (
                "it is quarantined, because it kept missing the deadline; it is tried again within a minute"
            )
            return Failure(
                plugin=plugin,
                hook=hook,
                detail=detail,
                origin=implementation.origin,
                timed_out=True,
                asked=False,
            )
        return self._question(implementation, hook, call)

    def _ask_inline(
        self, implementation: Implementation, hook: str, call: Callable[[], Any]
    ) -> Answer | Failure | _Question:
        try:
            value = call()
            if inspect.isawaitable(value):
                question = _Question(implementation, hook, self._quarantine.now(), reached=True)
                question.task = asyncio.ensure_future(value)
                return question
            return Answer(implementation.plugin, checked(hook, implementation.plugin, value))
        except Exception as error:  # noqa: BLE001 - a carrier's code is called from here; its failure is an answer
            return _raised(implementation, hook, error)

    def _question(self, implementation: Implementation, hook: str, call: Callable[[], Any]) -> _Question:
        """A task that runs `call` where it belongs and awaits what it gives."""

        question = _Question(implementation, hook, self._quarantine.now())

        def reached() -> None:
            question.reached = True

        async def run() -> Any:
            try:
                if implementation.runs is Runs.IN_THREAD:
                    value = await self._threads.run(implementation.plugin, call, begun=reached)
                else:
                    reached()
                    value = call()
                return await value if inspect.isawaitable(value) else value
            except SystemExit as error:
                # A task would hand it on to the event loop, and a plugin would have stopped the server.
                raise RuntimeError(f"the hook raised SystemExit: {text_of(error)}") from error

        task = asyncio.get_running_loop().create_task(run(), name=f"{hook} of {implementation.plugin}")
        question.task = task
        return question

    def _concluded(self, question: _Question, deadline_s: float | None) -> Answer | Failure:
        """What came of a question that was waited for."""
        implementation, hook, task = question.implementation, question.hook, question.task
        plugin = implementation.plugin
        if not task.done():
            self._leave(question)
            return self._missed(question, deadline_s)
        self._quarantine.answered(plugin, hook)
        if task.cancelled():
            # Not by us: a plugin's own cancel scope got out. Our caller is not being cancelled, so this is an error.
            return _raised(implementation, hook, asyncio.CancelledError("the hook cancelled itself"))
        error = task.exception()
        if error is None:
            try:
                return Answer(plugin, checked(hook, plugin, task.result()))
            except Exception as wrong:  # noqa: BLE001 - what is looked at is a plugin's, and may raise anything
                return _raised(implementation, hook, wrong)
        return _raised(implementation, hook, error)

    def _missed(self, question: _Question, deadline_s: float | None) -> Failure:
        implementation, hook = question.implementation, question.hook
        plugin = implementation.plugin
        seconds = f"{deadline_s or 0:g} s"
        # One that waits in line behind its own hanging threads misses the deadline by its own fault.
        at_fault = question.reached or self._threads.hanging(plugin) > 0
        if implementation.runs is not Runs.INLINE:
            if at_fault and (deadline_s or 0) >= self._fair_deadline_s:
                self._quarantine.missed(plugin, hook, began=question.began)
            else:
                self._quarantine.left_open(plugin, hook)
        return Failure(
            plugin=plugin,
            hook=hook,
            detail=f"no answer within {seconds}"
            if at_fault
            else f"no thread was free for it within {seconds}",
            origin=implementation.origin,
            timed_out=True,
            asked=question.reached,
        )

    def _leave(self, question: _Question) -> None:
        """Cancel the task and go on without it. It is kept until it ends, or asyncio would complain of it."""
        task = question.task
        if task.done():
            _look_at(task)
            return
        self._left[task] = f"plugin {question.implementation.plugin!r} in {question.hook}"
        task.add_done_callback(self._ended)
        task.cancel()

    def _ended(self, task: asyncio.Future[Any]) -> None:
        self._left.pop(task, None)
        _look_at(task)


def _raised(implementation: Implementation, hook: str, error: BaseException) -> Failure:
    """The failure that an exception is. Its words are logged here, and go nowhere else."""
    failure = Failure.raised(implementation.plugin, hook, implementation.origin, error)
    if not _is_quiet(failure):
        _log.error("%s", failure.log_text)
    return failure


def _is_quiet(failure: Failure) -> bool:
    """Whether a failure has said all there is to say: no answer in time, or a refusal in the plugin's own words."""
    return failure.error is None or isinstance(failure.error, ContentRefused)


def _keeps_its_own_time(question: _Question) -> bool:
    """Whether an unanswered question is a carrier adapter's about a sender, which gives itself less time than this deadline.

    A busy event loop can wake both at once; the adapter then still answers what its account says of a lookup that is late,
    where a missed deadline would be a denial.
    """
    own = question.implementation.runs is Runs.INLINE and question.hook != "midcall_send_message"
    return own and not question.task.done()


def _look_at(task: asyncio.Future[Any]) -> None:
    """Take note of a task's exception, which comes too late to matter; asyncio reports those that nobody looked at."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.debug("a hook that was given up ended with %s", type(error).__name__)
