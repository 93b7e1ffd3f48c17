"""Opening and closing: SDKs, connections, and plugins that hang or fail in it."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from midcall import ConfigError
from midcall.plugins import HostConfiguration, PluginHost, PluginState

Install = Callable[..., Path]
HostOf = Callable[..., PluginHost]


def accounts(**tables: Mapping[str, Any]) -> HostConfiguration:
    """A configuration with these accounts."""
    return HostConfiguration(accounts=tables)


@pytest.mark.usefixtures("acme")
async def test_start_loads_each_sdk_once_in_a_thread_and_closing_closes_all(host_of: HostOf) -> None:
    """Two accounts of one carrier are one import, away from the event loop; every account is warmed and closed."""
    host = host_of(accounts(acme={"api_key": "k"}, eu={"carrier": "acme", "api_key": "k"}))
    host.load()
    await host.start()
    await host.warm_up("eu")
    await host.warm_up("nobody")
    await host.aclose()
    assert sys.modules["acme_hosted"].Acme.events == [
        ("load_sdk", False),
        ("warm_up", "eu"),
        ("aclose", "acme"),
        ("aclose", "eu"),
    ]


async def test_an_sdk_that_cannot_be_imported_stops_the_start_after_the_others_were_tried(
    host_of: HostOf, carrier_source: str, install: Install
) -> None:
    """Every broken SDK is named with the fix."""
    broken = carrier_source.replace(
        'cls.events.append(("load_sdk", threading.current_thread() is threading.main_thread()))',
        "import no_such_sdk",
    )
    install("test-acme", {"acme": "acme_hosted:Acme"}, modules={"acme_hosted": broken})
    exits = broken.replace("import no_such_sdk", "raise SystemExit(2)").replace('"acme"', '"bcme"')
    install("test-bcme", {"bcme": "bcme_hosted:Acme"}, modules={"bcme_hosted": exits})
    host = host_of(accounts(acme={"api_key": "k"}, bcme={"api_key": "k"}))
    host.load()
    with pytest.raises(ConfigError) as caught:
        await host.start()
    first, second = caught.value.problems
    assert (
        "The SDK of carrier 'acme' cannot be imported: ModuleNotFoundError: No module named 'no_such_sdk'"
        in first
    )
    assert "pip install --upgrade test-acme" in first
    assert "SystemExit" in second
    assert [report.state for report in host.report()] == [PluginState.BROKEN] * 2
    await host.aclose()


@pytest.mark.usefixtures("acme")
async def test_loading_an_sdk_does_not_block_the_event_loop(host_of: HostOf) -> None:
    """The loop goes round while an SDK is imported; counted in rounds."""
    host = host_of(accounts(acme={"api_key": "k"}))
    host.load()
    release = threading.Event()
    sys.modules["acme_hosted"].Acme.load_sdk = lambda: release.wait(20)
    starting = asyncio.create_task(host.start())
    for _ in range(200):
        await asyncio.sleep(0)
    assert not starting.done()
    release.set()
    await starting
    await host.aclose()


@pytest.mark.usefixtures("acme")
async def test_what_hangs_or_fails_in_closing_does_not_keep_the_others_open(
    host_of: HostOf, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Each is bounded, logged by name, and tried; closing twice is allowed."""
    monkeypatch.setattr("midcall.plugins.host._CLOSE_S", 0.05)
    host = host_of(
        accounts(
            **{name: {"carrier": "acme", "api_key": "k"} for name in ("fails", "hangs", "swallows", "works")}
        )
    )
    host.load()
    end = asyncio.Event()
    closed: list[str] = []

    async def fails() -> None:
        raise OSError("api_key=hunter2")

    async def hangs() -> None:
        await asyncio.Event().wait()

    async def swallows() -> None:
        while not end.is_set():
            try:
                await end.wait()
            except asyncio.CancelledError:
                continue

    async def works() -> None:
        closed.append("works")

    for name, aclose in {"fails": fails, "hangs": hangs, "swallows": swallows, "works": works}.items():
        monkeypatch.setattr(host.carriers[name], "aclose", aclose)
    try:
        async with asyncio.timeout(20):
            await host.aclose()
            await host.aclose()
    finally:
        end.set()  # else the loop waits for it for ever, and a failure above is never told
        await asyncio.sleep(0.01)
    assert closed == ["works", "works"]
    assert "account 'fails' in aclose failed: OSError" in caplog.text
    assert "hunter2" not in caplog.text
    assert "account 'hangs' in aclose did not end within 0.05 s" in caplog.text
    assert "account 'swallows' in aclose did not end within 0.05 s" in caplog.text


@pytest.mark.usefixtures("acme")
async def test_a_failing_warm_up_is_logged(
    host_of: HostOf, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A cold connection is slower, and no reason not to take the call."""
    host = host_of(accounts(acme={"api_key": "k"}))
    host.load()

    async def fails() -> None:
        raise OSError("no route")

    monkeypatch.setattr(host.carriers["acme"], "warm_up", fails)
    await host.warm_up("acme")
    assert "plugin 'acme' in warm_up failed: OSError" in caplog.text
    await host.aclose()
