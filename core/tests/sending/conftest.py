"""What the tests of the sending journey share: a whole Midcall, started as often as a test likes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.tests.sending.deployment import Deploy, Deployment


@pytest.fixture
async def deploy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Deploy]:
    """`await deploy(tool={...}, policies={...})` answers a running `Deployment`."""
    monkeypatch.chdir(tmp_path)  # where no midcall.toml of a developer is
    made = Deploy(tmp_path, monkeypatch)
    yield made
    await made.aclose()


@pytest.fixture
async def deployment(deploy: Deploy) -> Deployment:
    """The usual deployment: one account, one tool."""
    return await deploy()
