"""Distributions and plugins that exist for one test: a dist-info folder on `sys.path`, no pip."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from midcall import Call, Content, Destination, Direction, Draft, Sender, Tool, Trust
from midcall.contract.markers import Registry, new_registry
from midcall.plugins import Dispatch, HostConfiguration, PluginHost, discover

Install = Callable[..., Path]
HostOf = Callable[..., PluginHost]

CARRIER = """
    import asyncio
    import threading
    from pydantic import SecretStr
    from midcall import Accepted, Capabilities, Carrier, CarrierSettings, Known, SenderCheck

    class AcmeSettings(CarrierSettings):
        customary = {"api_key": "ACME_KEY"}
        api_key: SecretStr

    class Acme(Carrier):
        name = "acme"
        settings = AcmeSettings
        capabilities = Capabilities(check_sender=True)
        events = []

        @classmethod
        def load_sdk(cls):
            cls.events.append(("load_sdk", threading.current_thread() is threading.main_thread()))

        async def send(self, message):
            return Accepted(f"{self.account}:{message.text}")

        async def check_sender(self, number):
            self.events.append(("check", self.account))
            return SenderCheck(owned=Known.YES if self.account == "eu" else Known.NO)

        async def warm_up(self):
            self.events.append(("warm_up", self.account))

        async def aclose(self):
            self.events.append(("aclose", self.account))
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """`install("midcall-acme", {"acme": "acme_mod:Acme"}, modules={"acme_mod": "..."})` puts a distribution on the path."""
    written: set[str] = set()

    def put(
        distribution: str,
        entry_points: Mapping[str, str],
        *,
        version: str = "1.0",
        requires: tuple[str, ...] = (),
        modules: Mapping[str, str] | None = None,
        place: str = "site",
    ) -> Path:
        site = tmp_path / place
        info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        needs = "".join(f"Requires-Dist: {line}\n" for line in requires)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n{needs}"
        )
        points = "".join(f"{name} = {value}\n" for name, value in entry_points.items())
        (info / "entry_points.txt").write_text(f"[midcall]\n{points}")
        for module, source in (modules or {}).items():
            (site / f"{module}.py").write_text(textwrap.dedent(source))
            written.add(module)
        if str(site) not in sys.path:
            monkeypatch.syspath_prepend(str(site))
        importlib.invalidate_caches()
        return site

    yield put
    for module in written:
        sys.modules.pop(module, None)


@pytest.fixture
def carrier_source() -> str:
    """The source of a carrier plugin's module, `acme`."""
    return CARRIER


@pytest.fixture
def acme(install: Install, carrier_source: str) -> None:
    """The carrier `acme`, installed."""
    install("test-acme", {"acme": "acme_hosted:Acme"}, version="2.1", modules={"acme_hosted": carrier_source})


@pytest.fixture
def host_of() -> HostOf:
    """A host that chooses among the plugins of this test, whatever else the environment has."""

    def make(configuration: HostConfiguration | None = None, **options: Any) -> PluginHost:
        configuration = configuration or HostConfiguration()
        found = discover(only=configuration.only, disabled=configuration.disabled)
        mine = [plugin for plugin in found if plugin.distribution.startswith("test-")]
        return PluginHost(configuration, found=mine, **options)

    return make


@pytest.fixture
def registry() -> Registry:
    """An empty registry that knows the hooks."""
    return new_registry()


@pytest.fixture
async def dispatch_of(registry: Registry) -> Any:
    """`dispatch_of({"name": plugin}, trusted=[...])` makes a dispatch that is closed when the test ends."""
    made: list[Dispatch] = []

    def make(plugins: Mapping[str, object], **options: Any) -> Dispatch:
        for name, plugin in plugins.items():
            registry.register(plugin, name=name)
        made.append(Dispatch(registry, **options))
        return made[-1]

    yield make
    for dispatch in made:
        await dispatch.aclose()


@pytest.fixture
def call() -> Call:
    """An open phone call on +12025550100."""
    return Call(
        platform="retell",
        id="call-1",
        direction=Direction.INBOUND,
        user_number="+12025550142",
        agent_number="+12025550100",
    )


@pytest.fixture
def tool() -> Tool:
    """A tool with a static text."""
    return Tool.model_validate({"name": "send_sms", "sms_content": {"type": "predefined", "text": "Hi"}})


@pytest.fixture
def draft(call: Call, tool: Tool) -> Draft:
    """A draft from the account `acme`."""
    return Draft(
        call=call,
        tool=tool,
        sender=Sender(number="+12025550100", account="acme"),
        destination=Destination(number="+12025550142", country="US", trust=Trust.SIGNALLING),
        content=Content(text="Hi"),
    )
