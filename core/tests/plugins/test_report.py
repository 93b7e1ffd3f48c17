"""What is said of each plugin: by `midcall plugins`, and to programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from midcall import Draft
from midcall.plugins import HostConfiguration, PluginHost, PluginReport

Install = Callable[..., Path]
HostOf = Callable[..., PluginHost]

GATE = "midcall_check_eligibility"


def line(host: PluginHost, name: str) -> PluginReport:
    """The report's line about one plugin."""
    (found,) = (report for report in host.report() if report.name == name)
    return found


@pytest.mark.usefixtures("acme")
def test_the_report_is_json(host_of: HostOf) -> None:
    """Every key is there, and nothing in it needs our classes."""
    host = host_of()
    host.load()
    assert json.loads(json.dumps(line(host, "acme").as_json())) == {
        "name": "acme",
        "kind": "unknown",
        "state": "not configured",
        "distribution": "test-acme",
        "version": "2.1",
        "problem": "no table under [accounts], [platforms] or [plugins] names it",
        "instances": [],
        "hooks": [],
        "quarantined": [],
    }


async def test_the_report_shows_a_quarantine(host_of: HostOf, install: Install, draft: Draft) -> None:
    """It names the hook that keeps hanging."""
    source = """
        import asyncio
        from midcall import hookimpl

        @hookimpl
        async def midcall_check_eligibility(draft):
            await asyncio.Event().wait()
    """
    install("test-quiet", {"quiet": "quiet_hosted"}, modules={"quiet_hosted": source})
    host = host_of(HostConfiguration(hook_deadline_s=0.02))
    host.load()
    for _ in range(3):
        await host.dispatch.everyone(GATE, deadline_s=0.02, draft=draft)
    assert line(host, "quiet").quarantined == (GATE,)
    await host.aclose()
