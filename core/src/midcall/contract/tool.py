"""One configured `send_sms` tool: Retell's published JSON, key for key, plus Midcall's extras.

Field names and defaults are Retell's (types of retell-sdk 6.2.13, `llm_response.py`); unknown fields are kept, because the
surface grows monthly. Whatever is not Retell's stands under "Midcall's extras" below.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from midcall.contract.messages import Trust


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow", str_strip_whitespace=False)

    @model_validator(mode="before")
    @classmethod
    def _leave_out_nulls(cls, data: Any) -> Any:
        """Retell's JSON writes null for what was never set: absent and null mean the default. Unknown fields keep theirs."""
        if isinstance(data, dict):
            return {
                key: value for key, value in data.items() if value is not None or key not in cls.model_fields
            }
        return data


class PredefinedContent(_Part):
    """Static text; `{{variables}}` are replaced."""

    type: Literal["predefined"]
    text: str


class InferredContent(_Part):
    """The model writes the text, guided by `prompt`; it arrives as the tool call's `message` argument."""

    type: Literal["inferred"]
    prompt: str = ""


class TemplateContent(_Part):
    """A named template. Retell's only published name is `info_collection`, whose wording is published nowhere; the
    operator's own wording stands under `[templates]`."""

    type: Literal["template"]
    template: str


SmsContent = Annotated[PredefinedContent | InferredContent | TemplateContent, Field(discriminator="type")]


class SmsSender(_Part):
    """`current_number`: the number the call is on. `retell_long_code`: Retell's pool of approved numbers."""

    type: Literal["current_number", "retell_long_code"] = "current_number"


class CustomerNumber(_Part):
    """The person on the call."""

    type: Literal["customer_number"] = "customer_number"


class OtherNumber(_Part):
    """A fixed number, or a `{{variable}}` that holds one."""

    type: Literal["phone_number"]
    phone_number: str = Field(min_length=1)
    ignore_e164_validation: bool = False
    """Retell's switch for numbers that are not in E.164. Here it only lets the tool be loaded: rules about countries, and limits
    per number, need a number that can be read, so any other is refused as `invalid_destination` when it is to be texted."""


SmsDestination = Annotated[CustomerNumber | OtherNumber, Field(discriminator="type")]


class Limits(BaseModel):
    """How many texts at most. `per_call`: in one call. `per_number`: to one destination in any 60 minutes.
    `per_hour`: by this tool in any 60 minutes. None: no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_call: int | None = Field(default=3, ge=1)
    per_number: int | None = Field(default=10, ge=1)
    per_hour: int | None = Field(default=None, ge=1)


class Tool(_Part):
    """A `send_sms` tool. Equal to Retell's JSON where Retell has the field."""

    # Retell's own
    type: Literal["send_sms"] = "send_sms"
    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    description: str | None = None
    sms_content: SmsContent
    sms_sender: SmsSender = SmsSender()
    sms_destination: SmsDestination = CustomerNumber()
    speak_during_execution: bool = True
    execution_message_type: Literal["prompt", "static_text"] = "prompt"
    execution_message_description: str | None = None
    speak_after_execution: bool = True

    # Midcall's extras
    language: str = Field(default="en", pattern=r"^[a-z]{2}(-[A-Za-z0-9]+)*$")
    """Language of the sentences when the call does not say its own (BCP 47)."""
    sentences: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Words to say, by language, then by status, reason or `duplicate`; a reason wins over a status, these over the built-in
    ones. Only `duplicate` is not replaced by a tool's words for a status."""
    countries: tuple[str, ...] = ()
    """Countries that may be texted (ISO 3166-1 alpha-2). Empty: the sender's own country only."""
    prefixes: tuple[str, ...] = ()
    """If any are given, only numbers that start with one of these (E.164) may be texted."""
    trust: frozenset[Trust] = frozenset({Trust.SIGNALLING, Trust.CONFIGURATION, Trust.SERVER})
    """Sources a destination may come from."""
    max_segments: int = Field(default=3, ge=1, le=10)
    max_characters: int = Field(default=480, ge=1, le=1_600)
    """Longest `message` argument taken from the model, in characters."""
    links: Literal["any", "none"] | tuple[str, ...] = "any"
    """Links the text may have: any, none, or only to these hosts and their subdomains."""
    media: tuple[str, ...] = ()
    """URLs sent with the text (an MMS); `{{variables}}` are replaced."""
    limits: Limits = Limits()
    budget_ms: int = Field(default=1_500, ge=100, le=30_000)
    """Milliseconds within which the agent is answered."""
    wait_for_receipt: bool = False
    """Wait, within the budget, for the carrier's receipt, so that the agent can say "it has arrived"."""
    validity_s: int = Field(default=600, ge=1, le=36_000)
    """Seconds after which a text that is still queued should be dropped by the carrier."""
    window_s: int = Field(default=60, ge=0, le=3_600)
    """Seconds within which the same text in the same call is one text, however often the model asks."""
    allow_resend: bool = False
    """Whether the model may ask for the same text again with `resend: true`."""
    after_call: bool = False
    """Whether the tool may send once the call has ended."""

    @field_validator("countries")
    @classmethod
    def _country_codes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        upper = tuple(code.upper() for code in value)
        for code in upper:
            if len(code) != 2 or not code.isalpha():
                raise ValueError(f"{code!r} is not a two-letter country code such as US")
        return upper

    @field_validator("prefixes")
    @classmethod
    def _e164_prefixes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for prefix in value:
            if not prefix.startswith("+") or not prefix[1:].isdigit():
                raise ValueError(f"{prefix!r} is not a prefix such as +1202")
        return value

    @property
    def wants_pool(self) -> bool:
        """Whether the tool asks for the pool's number rather than the agent's."""
        return self.sms_sender.type == "retell_long_code"
