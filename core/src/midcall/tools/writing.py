"""From a `Tool` back to its JSON."""

from __future__ import annotations

from typing import Any

from midcall.contract.tool import Tool
from midcall.tools.fields import EXTRA_FIELDS, RETELL_FIELDS


def tool_to_json(tool: Tool) -> dict[str, Any]:
    """The tool's JSON, in Retell's form, fit for `json.dumps`.

    Retell's fields are given back as they were read, and left out where they were left out; Midcall's extras appear when
    they differ from their defaults; unknown fields come back as they were. Reading the result gives an equal tool. What
    was read as an SMS node is written as a tool.
    """
    default = Tool.model_construct(name=tool.name, sms_content=tool.sms_content)
    needed = {"type", "name", "sms_content"}
    given = [
        name
        for name in RETELL_FIELDS
        if name in needed or name in tool.model_fields_set or getattr(tool, name) != getattr(default, name)
    ]
    given += [name for name in EXTRA_FIELDS if getattr(tool, name) != getattr(default, name)]

    dumped = tool.model_dump(mode="json", include={*given, *(tool.model_extra or {})}, exclude_unset=False)
    for part in ("sms_content", "sms_sender", "sms_destination"):
        if part in given:
            held = getattr(tool, part)
            dumped[part] = {"type": held.type, **held.model_dump(mode="json", exclude_unset=True)}
    if "trust" in dumped:
        dumped["trust"] = sorted(dumped["trust"])  # a set has no order of its own, and files are compared
    return {name: dumped[name] for name in (*given, *(tool.model_extra or {}))}
