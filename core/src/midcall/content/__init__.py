"""What a text says and what it costs: dynamic variables, alphabets, segments."""

from __future__ import annotations

from midcall.content.charsets import CHARSETS, GSM7, GSM7_TELNYX, Charset
from midcall.content.segments import Segments, count_segments
from midcall.content.system_variables import CLOCK_NAMES, SystemVariables, is_clock
from midcall.content.variables import (
    SYSTEM_LAYER,
    Found,
    Layer,
    Rendered,
    Template,
    Variables,
    compile_template,
    render,
)

__all__ = [
    "CHARSETS",
    "CLOCK_NAMES",
    "GSM7",
    "GSM7_TELNYX",
    "SYSTEM_LAYER",
    "Charset",
    "Found",
    "Layer",
    "Rendered",
    "Segments",
    "SystemVariables",
    "Template",
    "Variables",
    "compile_template",
    "count_segments",
    "is_clock",
    "render",
]
