"""Tools as JSON: reading Retell's `send_sms` and SMS nodes, checking them, writing them, and the arguments they take."""

from __future__ import annotations

from midcall.tools.advice import tool_warnings
from midcall.tools.arguments import check_arguments, tool_schema
from midcall.tools.reading import read_tool_file, tool_from_json
from midcall.tools.writing import tool_to_json

__all__ = [
    "check_arguments",
    "read_tool_file",
    "tool_from_json",
    "tool_schema",
    "tool_to_json",
    "tool_warnings",
]
