"""Why a text was not sent, did not arrive, or is in doubt: one vocabulary for every plugin and carrier.

The carrier's own code and payload stand beside the reason in the ledger; see `docs/reasons.md` for the table.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Reason(StrEnum):
    """One word for everybody. The value is stable: it is stored, sent to agents and used as a key of sentences."""

    def __new__(cls, value: str, meaning: str) -> Self:
        """A string member that also carries its `meaning`, one sentence for people."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    meaning: str

    # The person who would receive it
    OPTED_OUT = "opted_out", "The recipient has opted out of texts."
    NO_CALLER_NUMBER = (
        "no_caller_number",
        "The call has no caller number (a web call) and the tool names no other destination.",
    )
    NUMBER_WITHHELD = "number_withheld", "The caller withheld their number."
    INVALID_DESTINATION = "invalid_destination", "The destination is not a phone number that can exist."
    DESTINATION_NOT_TRUSTED = (
        "destination_not_trusted",
        "The destination came from a source (collected in the call, or the model) that the tool does not trust.",
    )
    COUNTRY_NOT_ALLOWED = "country_not_allowed", "The destination's country is not one the tool may text."
    PREFIX_NOT_ALLOWED = "prefix_not_allowed", "The destination is outside the prefixes the tool may text."
    SATELLITE_NUMBER = (
        "satellite_number",
        "The destination is a satellite or global-service number, a target of toll fraud.",
    )
    PREMIUM_NUMBER = "premium_number", "The destination is a premium-rate number, a target of toll fraud."
    LANDLINE = "landline", "The destination is a landline, or cannot receive texts."
    UNREACHABLE = "unreachable", "The recipient's handset or network cannot be reached."
    UNKNOWN_NUMBER = "unknown_number", "The destination is not in service."

    # Limits
    LIMIT_PER_CALL = "limit_per_call", "This call has had as many texts as the tool allows."
    LIMIT_PER_NUMBER = (
        "limit_per_number",
        "This number has had as many texts in the last hour as the tool allows.",
    )
    LIMIT_PER_HOUR = "limit_per_hour", "The tool has sent as many texts in the last hour as it may."

    # The call and the tool call
    CALL_ENDED = "call_ended", "The call has ended and the tool does not send after calls."
    UNKNOWN_TOOL = "unknown_tool", "No tool of that name is configured."
    INVALID_ARGUMENTS = "invalid_arguments", "The model's arguments do not fit the tool."

    # Content
    UNRESOLVED_VARIABLE = (
        "unresolved_variable",
        "A {{placeholder}} in the text or the destination has no value.",
    )
    CONTENT_EMPTY = "content_empty", "There is no text and no media to send."
    CONTENT_TOO_LONG = "content_too_long", "The text is longer than the tool or the carrier allows."
    LINK_NOT_ALLOWED = "link_not_allowed", "The text has a link the tool does not allow."
    CONTENT_NOT_ALLOWED = (
        "content_not_allowed",
        "The sender or the carrier does not take this kind of content.",
    )
    CONTENT_FILTERED = "content_filtered", "The carrier filtered the text as spam or fraud."
    UNKNOWN_TEMPLATE = "unknown_template", "No template of that name is configured."
    MEDIA_NOT_SUPPORTED = (
        "media_not_supported",
        "The sender cannot carry media, or the media could not be used.",
    )

    # The sender
    NO_SENDER = "no_sender", "No number was found to send from."
    SENDER_NOT_OWNED = "sender_not_owned", "The number does not belong to the account it should be sent from."
    SENDER_NOT_CAPABLE = "sender_not_capable", "The number cannot send texts, or not to this destination."
    SENDER_NOT_REGISTERED = (
        "sender_not_registered",
        "The number is not registered for texting (A2P 10DLC campaign or toll-free verification).",
    )
    SENDER_BUSY = "sender_busy", "The number's queue or daily allowance is full."

    # The account and the carrier
    ACCOUNT_PROBLEM = (
        "account_problem",
        "The account's credentials, funds or standing with the carrier do not allow sending.",
    )
    CARRIER_BUSY = "carrier_busy", "The carrier kept answering that it did not process the request."
    CARRIER_REFUSED = "carrier_refused", "The carrier refused the request; its own code says why."
    CARRIER_SILENT = "carrier_silent", "The request left, and no usable answer came back."

    # Plugins and Midcall itself
    POLICY_DENIED = "policy_denied", "A policy plugin denied the text."
    PLUGIN_FAILED = "plugin_failed", "A plugin that must be asked failed; the text was not sent."
    PLUGIN_TIMED_OUT = (
        "plugin_timed_out",
        "A plugin that must be asked did not answer in time; the text was not sent.",
    )
    TOO_SLOW = "too_slow", "The tool's time ran out before the text was claimed; nothing was sent."
    LEDGER_UNAVAILABLE = (
        "ledger_unavailable",
        "The ledger cannot be written (locked, corrupt, or the disk is full).",
    )
    SHUTTING_DOWN = "shutting_down", "Midcall is stopping and takes no new texts."
    CRASHED = "crashed", "Midcall stopped while the request was under way; the text may have left."

    # After the carrier took it
    UNDELIVERED = "undelivered", "The carrier took the text and could not deliver it."
    EXPIRED = "expired", "The text's validity ran out before it could be delivered."
