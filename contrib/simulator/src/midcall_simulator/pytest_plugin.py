"""A pytest fixture for any project that has this package installed: `midcall_simulator`, a started Simulator.

The fixture needs pytest-asyncio, and a test that uses it is `async def`. Nothing heavy is imported before a
test asks for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from midcall_simulator.simulator import Simulator

if find_spec("pytest_asyncio") is not None:
    import pytest_asyncio

    @pytest_asyncio.fixture(name="midcall_simulator")
    async def _started() -> AsyncIterator[Simulator]:
        """A simulator started for this test alone, with the fictional numbers of the README."""
        from midcall_simulator.simulator import Simulator

        async with Simulator() as simulator:
            yield simulator

else:

    @pytest.fixture(name="midcall_simulator")
    def _missing() -> None:
        """Says what to install; asking for it without pytest-asyncio is an error of the test, not of pytest."""
        pytest.fail("the fixture midcall_simulator needs pytest-asyncio: pip install pytest-asyncio")
