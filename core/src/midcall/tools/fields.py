"""Which of a tool's fields are Retell's, and which are Midcall's extras."""

from __future__ import annotations

from typing import Final

from midcall.contract.tool import Tool

RETELL_FIELDS: Final = (
    "type",
    "name",
    "description",
    "sms_content",
    "sms_sender",
    "sms_destination",
    "speak_during_execution",
    "execution_message_type",
    "execution_message_description",
    "speak_after_execution",
)
"""Retell's own, in the order people write them."""

EXTRA_FIELDS: Final = tuple(name for name in Tool.model_fields if name not in RETELL_FIELDS)
"""Midcall's own."""

CONTENT_FIELD: Final = {"predefined": "text", "inferred": "prompt", "template": "template"}
"""What holds the words, for each kind of `sms_content`."""

NODE_CONTENT: Final = {"static_text": "predefined", "prompt": "inferred", "template": "template"}
"""The kinds of an SMS node's `instruction`, and what the tool calls them."""
