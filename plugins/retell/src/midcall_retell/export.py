"""A tool as Retell's custom function: the JSON to put into an agent, whose calls come to Midcall.

Its fields are those of the published type `GeneralToolCustomTool` (`retell/types/llm_response.py` of retell-sdk 6.2.13,
github.com/RetellAI/retell-python-sdk).
"""

from __future__ import annotations

from typing import Any, Final

from midcall import Tool, tool_schema

_ROOM_MS: Final = 5_000
_RETRIES: Final = 1

_DESCRIPTION: Final = "Sends a text message (SMS) during the call."
_AFTERWARDS: Final = 'The result\'s "say" is what to tell the person; do not call this again unless they ask.'


def custom_function(tool: Tool, *, url: str) -> dict[str, Any]:
    """The custom function that calls `url` for `tool`.

    Talking while waiting and speaking after sending are Retell's own fields and are carried over. `timeout_ms` is the tool's
    budget and 5 s for the network, so that Retell never gives up on an answer that is on its way. One retry is safe
    because a repeat carries the same invocation and gets the same answer. The arguments stay under `args`: at the root,
    or with "Payload: args only", the call would be lost.
    """
    described = (tool.description or "").strip() or _DESCRIPTION
    function: dict[str, Any] = {
        "type": "custom",
        "name": tool.name,
        "description": f"{described} {_AFTERWARDS}" if tool.speak_after_execution else described,
        "url": url,
        "method": "POST",
        "args_at_root": False,
        "parameter_type": "json",
        "parameters": tool_schema(tool),
        "speak_during_execution": tool.speak_during_execution,
        "speak_after_execution": tool.speak_after_execution,
        "timeout_ms": tool.budget_ms + _ROOM_MS,
        "max_retry": _RETRIES,
    }
    if tool.speak_during_execution:
        function["execution_message_type"] = tool.execution_message_type
        if tool.execution_message_description is not None:
            function["execution_message_description"] = tool.execution_message_description
    return function
