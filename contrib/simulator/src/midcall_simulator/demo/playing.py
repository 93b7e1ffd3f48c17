"""`play`: the whole demo, from the first line to the exit code."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING

from midcall_simulator.demo.checks import Report, SceneReport, disagreements
from midcall_simulator.demo.scenes import SCENES
from midcall_simulator.demo.stage import Stage
from midcall_simulator.demo.timeline import FAST, FOR_PEOPLE, Event, Timeline, Who
from midcall_simulator.demo.waiting import DemoFailed
from midcall_simulator.demo.world import World

if TYPE_CHECKING:
    from midcall_simulator.demo.screen import RichScreen

PARTS = {
    "midcall": "midcall",
    "midcall_retell": "midcall-retell",
    "midcall_twilio": "midcall-twilio",
    "rich": "rich",
    "starlette": "midcall[server]",
    "twilio": "twilio",
    "uvicorn": "midcall[server]",
}
"""What is imported here or by the server, beside the simulator itself, and what brings it."""

OK, DIFFERS, MISSING, STOPPED = 0, 1, 2, 143

_SCENE_WITHIN_S = 90.0
_MESSAGES_AT_MOST = 500
_LOG_LINES = 40


def play(*, fast: bool, as_json: bool) -> int:
    """Play every scene and count every text. `fast`: no pauses. `as_json`: one JSON document and nothing else.

    Answers the exit code: 0 when each text left exactly as often as it should, 1 when not, 2 when a part is missing,
    143 when it was told to stop (SIGTERM).
    """
    missing = sorted({brought_by for part, brought_by in PARTS.items() if find_spec(part) is None})
    if missing:
        sys.stderr.write(
            f"error: the demo needs {', '.join(missing)}: pip install 'midcall-simulator[demo]'\n"
        )
        return MISSING
    screen = None
    if not as_json:
        from midcall_simulator.demo.screen import RichScreen

        screen = RichScreen()
    try:
        return asyncio.run(_play(screen, fast=fast or as_json))
    except asyncio.CancelledError:
        return STOPPED


class _NoScreen:
    """What `--json` is watched on."""

    def scene(self, number: int, title: str, about: str) -> None:
        """Not shown."""

    def event(self, event: Event, *, ms: float) -> None:
        """Not shown."""


async def _play(screen: RichScreen | None, *, fast: bool) -> int:
    _end_well_when_told_to_stop()
    pace = FAST if fast else FOR_PEOPLE
    world = World(receipts_s=pace.receipts_s)
    timeline = Timeline(screen or _NoScreen(), pace=pace, collect=world.news)
    report = Report(
        scenes=[
            SceneReport(title=scene.title, requests_expected=scene.requests, texts_expected=scene.texts)
            for scene in SCENES
        ]
    )
    try:
        async with world:
            if screen is not None:
                screen.opening(world.settings_shown)
            seconds = await world.start_server()
            ready = f"`midcall serve` is process {world.server.pid}, ready after {seconds * 1000:,.0f} ms"
            timeline.add(Who.MACHINE, ready, seconds=round(seconds, 3))
            await timeline.catch_up()
            await _all_scenes(world, timeline, report)
    except DemoFailed as failure:
        report.failure = str(failure)
    except Exception as error:  # noqa: BLE001 - what was seen until then and the server's log say more than a traceback
        report.failure = f"the demo itself failed: {type(error).__name__}: {error}"
    log = [] if report.ok else world.server_log[-_LOG_LINES:]
    if screen is not None:
        screen.closing(report)
        if not report.ok:
            screen.server_log(log)
    else:
        document = report.as_json() | {"events": timeline.as_json(), "settings": world.settings_shown}
        sys.stdout.write(json.dumps(document | {"server_log": log}, indent=2) + "\n")
    return OK if report.ok else DIFFERS


async def _all_scenes(world: World, timeline: Timeline, report: Report) -> None:
    """Every scene, then the ledger against the carrier. What the carrier sees after a scene counts for the next one."""
    stage = Stage(world, timeline)
    begun: list[tuple[int, int]] = []
    try:
        for scene, row in zip(SCENES, report.scenes, strict=True):
            begun.append((len(world.sim.requests), len(world.sim.texts)))
            timeline.begin_scene(scene.title, scene.about)
            stage.report = row
            try:
                async with asyncio.timeout(_SCENE_WITHIN_S):
                    await scene.play(stage)
                    await world.sim.settled()
            except TimeoutError:
                raise DemoFailed(f"scene {scene.title!r} did not end within {_SCENE_WITHIN_S:g} s") from None
            finally:
                await timeline.catch_up()
            row.played = True
        listed = await world.ask(f"/messages?limit={_MESSAGES_AT_MOST}")
        code = await world.server.stop()
        if code != 0 and os.name == "posix":  # elsewhere there is no asking a process to stop
            raise DemoFailed(f"the server was told to stop and ended with exit code {code}, not 0")
        await world.sim.settled()
        report.ledger = disagreements(listed["messages"], world.sim.texts)
    finally:
        ends = [*begun[1:], (len(world.sim.requests), len(world.sim.texts))]
        for row, (requests, texts), (requests_after, texts_after) in zip(
            report.scenes, begun, ends, strict=False
        ):
            row.requests_seen, row.texts_seen = requests_after - requests, texts_after - texts


def _end_well_when_told_to_stop() -> None:
    """SIGTERM and SIGHUP end the demo as Ctrl-C does: the server is stopped and the folder removed."""
    task = asyncio.current_task()
    assert task is not None
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:  # under nohup it is ignored
            with suppress(NotImplementedError):  # Windows
                asyncio.get_running_loop().add_signal_handler(number, task.cancel)
