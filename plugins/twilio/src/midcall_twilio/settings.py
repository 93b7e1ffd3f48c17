"""`[accounts.NAME]` of a Twilio account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from midcall import CarrierSettings


class TwilioSettings(CarrierSettings):
    """What a Twilio account needs: `account_sid` and `auth_token`, both on the first page of the Twilio console.

    `auth_token` also verifies webhooks, so it is needed even where an API key signs the requests. `base_url` is empty for
    Twilio's own hosts (api.twilio.com, messaging.twilio.com); when set, every request goes there.
    """

    # A token pasted into the wrong field must not be shown in the error about that field.
    model_config = ConfigDict(hide_input_in_errors=True)

    customary: ClassVar[Mapping[str, str]] = {
        "account_sid": "TWILIO_ACCOUNT_SID",
        "auth_token": "TWILIO_AUTH_TOKEN",
        "api_key": "TWILIO_API_KEY",
        "api_key_secret": "TWILIO_API_SECRET",
    }

    account_sid: str = Field(pattern=r"^AC[0-9a-fA-F]{32}$")
    auth_token: SecretStr = Field(min_length=1)

    api_key: str | None = Field(default=None, pattern=r"^SK[0-9a-fA-F]{32}$")
    """An API key that signs requests in place of the auth token; it needs `api_key_secret`."""
    api_key_secret: SecretStr | None = None

    shared_keys: Mapping[str, SecretStr] = Field(default_factory=dict)
    """Secrets of webhook shared keys by their id: Twilio then signs webhooks with HMAC-SHA256 and names the id."""

    messaging_service_sid: str | None = Field(default=None, pattern=r"^MG[0-9a-fA-F]{32}$")
    """Send through this Messaging Service. The text still leaves from the number Midcall chose, which has to be in the
    service's sender pool."""

    @field_validator("base_url")
    @classmethod
    def _reachable(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(
                "write it as https://host or http://host:port, or leave it out for Twilio itself"
            )
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError(
                "it takes no credentials, query or fragment: credentials have fields of their own"
            )
        return value.rstrip("/")

    @model_validator(mode="after")
    def _key_with_secret(self) -> TwilioSettings:
        if (self.api_key is None) != (self.api_key_secret is None):
            raise ValueError("api_key and api_key_secret go together: set both, or neither to use auth_token")
        return self

    @property
    def login(self) -> tuple[str, str]:
        """User name and password of requests: the API key when there is one, else the account's SID and token."""
        if self.api_key is not None and self.api_key_secret is not None:
            return self.api_key, self.api_key_secret.get_secret_value()
        return self.account_sid, self.auth_token.get_secret_value()

    def is_own(self, url: str) -> bool:
        """Whether a URL is on the hosts this account's credentials may be shown to."""
        parts = urlsplit(url)
        if self.base_url:
            own = urlsplit(self.base_url)
            return (parts.scheme, parts.netloc.lower()) == (own.scheme, own.netloc.lower())
        host = (parts.hostname or "").lower()
        return parts.scheme == "https" and parts.port in {None, 443} and host.endswith(".twilio.com")
