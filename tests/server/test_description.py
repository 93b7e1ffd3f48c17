"""The server's own description is valid, complete, and true."""

from __future__ import annotations

import json
from typing import Any

from midcall.contract.messages import MessageState
from midcall.contract.outcomes import Status
from midcall.contract.reasons import Reason
from midcall.server.api import MOST, USUAL, routes
from midcall.server.openapi import openapi_document
from tests.server.deployment import Served
from tests.server.description import strict_document


async def test_it_is_valid(served: Served) -> None:
    """As OpenAPI's own schema sees it, and as it comes over the wire."""
    from openapi_spec_validator import validate

    answer = await served.get("/openapi.json", token=None)
    assert answer.json == json.loads(json.dumps(openapi_document()))
    validate(answer.json)
    validate(strict_document())


def _operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in openapi_document()["paths"].items()
        for method, operation in methods.items()
    ]


async def test_it_has_every_route(served: Served) -> None:
    """The pages' and the webhooks', and none that is not there."""
    pages = {route.path for route in routes(served.midcall)}
    webhooks = {path for path, _, _ in _operations()} - pages
    assert pages <= {path for path, _, _ in _operations()}
    assert webhooks == {
        "/platforms/{instance}/tools/{tool}",
        "/platforms/{instance}/events",
        "/carriers/{account}/status",
    }
    for path, method, operation in _operations():
        filled = path.replace("{instance}", "retell").replace("{account}", "twilio").replace("{tool}", "t")
        answer = await served.ask(method.upper(), filled.replace("{id}", "x"))
        assert answer.status not in (405, 501), (path, method)
        assert str(answer.status) in operation["responses"]


def test_its_operations_have_names_and_words() -> None:
    """A generated client has one method for each, and says what it is for."""
    names = [operation["operationId"] for _, _, operation in _operations()]
    assert len(set(names)) == len(names)
    for path, _, operation in _operations():
        assert operation["summary"]
        in_path = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"}
        assert in_path == {part.strip("{}") for part in path.split("/") if part.startswith("{")}


def test_it_has_every_status_reason_and_state() -> None:
    """Whoever switches over them from the description misses none."""
    schemas = openapi_document()["components"]["schemas"]
    outcome = schemas["Outcome"]["properties"]
    assert outcome["status"]["enum"] == [status.value for status in Status]
    assert outcome["reason"]["enum"] == [reason.value for reason in Reason]
    assert schemas["Message"]["properties"]["state"]["enum"] == [state.value for state in MessageState]


def test_its_limits_are_the_servers() -> None:
    """How many messages an answer may hold."""
    parameters = openapi_document()["paths"]["/messages"]["get"]["parameters"]
    (limit,) = [each["schema"] for each in parameters if each["name"] == "limit"]
    assert (limit["maximum"], limit["default"]) == (MOST, USUAL)
