"""A running deployment for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.server.deployment import Served, serving


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """The ledger's file."""
    return tmp_path / "midcall.db"


@pytest.fixture
async def served(ledger: Path) -> AsyncIterator[Served]:
    """An ordinary deployment: one platform, one account, one tool, a token and a public address."""
    async with serving(ledger) as deployment:
        yield deployment
