"""What a carrier plugin is: one class, one instance per configured account. Its author never sees pluggy.

A complete carrier that sends::

    class AcmeSettings(CarrierSettings):
        api_key: SecretStr
        base_url: str = "https://api.acme.example"

    class Acme(Carrier[AcmeSettings]):
        name = "acme"
        settings = AcmeSettings
        capabilities = Capabilities(sms=True)

        async def send(self, message: OutboundMessage) -> SendResult:
            ...

and in its `pyproject.toml`::

    [project.entry-points.midcall]
    acme = "midcall_acme:Acme"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from midcall.contract.capabilities import Capabilities
from midcall.contract.messages import Message, OutboundMessage
from midcall.contract.results import SendResult
from midcall.contract.senders import SenderCheck
from midcall.contract.webhooks import (
    CannotTell,
    FindResult,
    InboundMedia,
    InboundMessage,
    Media,
    Receipt,
    WebhookRequest,
)


class CarrierSettings(BaseModel):
    """`[accounts.NAME]`: subclass it with what the carrier needs. Secrets are `SecretStr`; unknown keys are an error.

    `base_url` is where the carrier's API is (a simulator, a proxy, a region); `timeout` is the longest one request may take,
    in seconds, and is kept below the lease of a claim. `customary` names the environment variables that people already
    have for this carrier; they count only for the account that is named like the carrier.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    customary: ClassVar[Mapping[str, str]] = {}
    """Field name to environment variable, e.g. `{"auth_token": "TWILIO_AUTH_TOKEN"}`."""

    base_url: str = ""
    timeout: float = Field(default=8.0, gt=0, le=15.0)


S = TypeVar("S", bound=CarrierSettings)


@dataclass(frozen=True, slots=True)
class Health:
    """Whether an account can be used now: `ok`, and one sentence."""

    ok: bool
    detail: str = ""


class Carrier(Generic[S]):
    """One account of one carrier. Subclass it; `name`, `settings`, `capabilities` and `send` are needed, the rest as declared.

    Methods are async and are called on the event loop: they must not block it. Nothing of the carrier's SDK may be
    imported when the module is (the host calls `load_sdk` in a thread at start).
    """

    name: ClassVar[str]
    """The carrier's name, as in `carrier = "..."` and as the entry point's."""

    settings: ClassVar[type[CarrierSettings]] = CarrierSettings
    capabilities: ClassVar[Capabilities] = Capabilities()

    def __init__(self, account: str, config: S) -> None:
        """`account` is the name under `[accounts]`, `config` its validated settings. Opens nothing."""
        self.account = account
        self.config = config

    @classmethod
    def load_sdk(cls) -> None:
        """Import what `send` needs. Called once, in a thread, when Midcall starts."""

    async def send(self, message: OutboundMessage) -> SendResult:
        """Hand one text to the carrier, once. No repeats inside: the SDK's own retries are off.

        Answer one of the four results; what is raised counts as `Unknown`. Bounded by `config.timeout`.
        """
        raise NotImplementedError

    async def check_sender(self, number: str) -> SenderCheck:
        """What the carrier knows of one of our numbers. Slow and cached by the host; never asked inside a turn twice."""
        return SenderCheck()

    async def find_sent(self, message: Message, *, since: datetime) -> FindResult:
        """Look up a text whose outcome is unknown. A match must be exact or unique; when in doubt `CannotTell`."""
        return CannotTell("this carrier cannot look up sent texts")

    def parse_status(self, request: WebhookRequest) -> tuple[Receipt, ...]:
        """Verify and read one status callback. Raises `BadSignature` or `Unreadable`; runs in a thread-free, pure way."""
        raise NotImplementedError

    def parse_inbound(self, request: WebhookRequest) -> tuple[InboundMessage, ...]:
        """Verify and read one received text. Raises `BadSignature` or `Unreadable`."""
        raise NotImplementedError

    async def fetch_media(self, media: InboundMedia, *, max_bytes: int) -> Media:
        """Fetch an attachment with the account's credentials; more than `max_bytes` is an error."""
        raise NotImplementedError

    async def health(self) -> Health:
        """Ask the carrier, read-only, whether the account can be used."""
        return Health(ok=True, detail="not checked: this carrier has no health request")

    async def warm_up(self) -> None:
        """A call has opened: make sure a connection is open, so that the first text does not pay for it."""

    async def aclose(self) -> None:
        """Let go of connections. Called once or more."""
