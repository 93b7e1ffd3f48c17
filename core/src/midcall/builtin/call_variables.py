"""A call's dynamic variables, in the order of their precedence."""

from __future__ import annotations

from datetime import UTC, datetime

from midcall.content import Layer, SystemVariables, Variables
from midcall.contract.calls import Call, CallKind


def variables_of(call: Call) -> Variables:
    """A call's dynamic variables, weakest first: the agent's defaults, the server's, those collected in the call."""
    return Variables(
        [
            Layer("default", call.defaults),
            Layer("server", call.variables),
            Layer("collected", call.collected),
        ],
        system=SystemVariables(
            now=datetime.now(UTC),
            session_started=call.began_at,
            session_type="voice",
            direction=call.direction.value,
            user_number=call.user_number,
            agent_number=call.agent_number,
            call_id=call.id,
            call_type="phone_call" if call.kind is CallKind.PHONE else "web_call",
        ),
    )
