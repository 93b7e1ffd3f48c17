"""The server's own description (OpenAPI 3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

from midcall.server.schemas import STATE, TEXT, Schema, reference, schemas

Operation = dict[str, Any]

_SECURITY: Final = {
    "token": {"type": "http", "scheme": "bearer", "description": "`server.token` of the settings."},
    "retell": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Retell-Signature",
        "description": "`v=<unix ms>,d=<HMAC-SHA256 of body and v>`; each platform has a scheme of its own.",
    },
}

_MEANINGS: Final[Mapping[int, str]] = {
    400: "The request cannot be read, or a parameter cannot be used.",
    401: "No valid signature, or no valid token.",
    403: "The API is closed: no token is set.",
    404: "There is no such thing.",
    405: "The route does not have this method; `Allow` names those it has.",
    408: "The body took too long to arrive.",
    413: "The body is over `server.max_body`.",
    500: "A fault of Midcall's; the server's log has the cause.",
    501: "The plugin does not take such requests.",
    503: "The ledger cannot be used. Nothing was done; the same request may be sent again.",
}
_OF_EVERY_WEBHOOK: Final = (400, 401, 404, 405, 408, 413, 500, 501, 503)
_ALLOW: Final = {"Allow": {"required": True, "schema": TEXT, "description": "The methods there are."}}


def openapi_document() -> dict[str, Any]:
    """The whole document, as JSON's own types."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Midcall",
            "version": version("midcall"),
            "description": (
                "Texts a voice agent sends to the caller while they are on the line. A path that is not here is answered with "
                "404, another method with 405, both in the shape of `Problem`; every GET takes HEAD too."
            ),
        },
        "paths": {
            "/platforms/{instance}/tools/{tool}": {"post": _tool_call()},
            "/platforms/{instance}/events": {"post": _event()},
            "/carriers/{account}/status": {"post": _status("Post"), "get": _status("Get")},
            "/messages": {"get": _messages()},
            "/messages/{id}": {"get": _message()},
            "/calls/{id}": {"get": _call()},
            "/healthz": {"get": _open("health", "The process lives.", reference("Health"))},
            "/readyz": {"get": _readiness()},
            "/openapi.json": {
                "get": _open("describe", "This description (OpenAPI 3.1).", {"type": "object"}),
            },
        },
        "components": {"schemas": schemas(), "securitySchemes": _SECURITY},
    }


def _answer(description: str, schema: Schema | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": description}
    if schema is not None:
        answer["content"] = {"application/json": {"schema": schema}}
    return answer


def _errors(schema: str, *codes: int) -> dict[str, Any]:
    answers = {str(code): _answer(_MEANINGS[code], reference(schema)) for code in codes}
    if 405 in codes:
        answers["405"]["headers"] = _ALLOW
    return answers


def _path(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": TEXT, "description": description}


def _query(name: str, schema: Schema, description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": description}


# Webhooks -------------------------------------------------------------------------------------------------------------


def _tool_call() -> Operation:
    told = (
        "What the agent is told, refusals included; of an unknown tool too. In the platform's own form, which for Retell is "
        "this."
    )
    return {
        "operationId": "callTool",
        "summary": "A tool call of an agent, as its platform sends it. A refusal is a 200 too.",
        "parameters": [_instance(), _path("tool", "The name under `[tools]`.")],
        "requestBody": {"required": True, "content": _json_body()},
        "security": [{"retell": []}],
        "responses": {"200": _answer(told, reference("Outcome"))} | _errors("Refusal", *_OF_EVERY_WEBHOOK),
    }


def _event() -> Operation:
    return {
        "operationId": "takeEvent",
        "summary": "A call opened, ended, or something else happened in it.",
        "parameters": [_instance()],
        "requestBody": {"required": True, "content": _json_body()},
        "security": [{"retell": []}],
        "responses": {"204": _answer("Taken, and on disk.")} | _errors("Refusal", *_OF_EVERY_WEBHOOK),
    }


def _status(method: str) -> Operation:
    operation: Operation = {
        "operationId": f"takeStatus{method}",
        "summary": "A carrier's status callback, in the carrier's own form and signed its own way.",
        "description": (
            "Verified by the carrier's own signature (Twilio's `X-Twilio-Signature`, over the public URL and the fields). The "
            "same news twice is taken twice and does nothing the second time."
        ),
        "parameters": [
            _path("account", "The name under `[accounts]`."),
            _query("m", TEXT, "Our message id."),
            _query("a", {"type": "integer", "minimum": 1}, "The attempt."),
        ],
        "security": [],
        "responses": {"204": _answer("Taken, and on disk.")} | _errors("Refusal", *_OF_EVERY_WEBHOOK),
    }
    if method == "Post":
        form = {"application/x-www-form-urlencoded": {"schema": {"type": "object"}}}
        operation["requestBody"] = {"content": form | _json_body()}
    return operation


def _instance() -> dict[str, Any]:
    return _path("instance", "The name under `[platforms]`.")


def _json_body() -> dict[str, Any]:
    return {"application/json": {"schema": {"type": "object"}}}


# The read API ---------------------------------------------------------------------------------------------------------


def _guarded(
    operation_id: str, summary: str, answer: tuple[str, str], parameters: list[dict[str, Any]], *codes: int
) -> Operation:
    words, schema = answer
    return {
        "operationId": operation_id,
        "summary": summary,
        "parameters": parameters,
        "security": [{"token": []}],
        "responses": {"200": _answer(words, reference(schema))} | _errors("Problem", *codes),
    }


def _messages() -> Operation:
    limit = {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}
    parameters = [
        _query("state", STATE, "Only these."),
        _query("call", TEXT, "Only this call's (the platform's id)."),
        _query("to", TEXT, "Only to this number (E.164)."),
        _query("limit", limit, "How many."),
        _query("before", TEXT, "The id of the last one seen, to go on from there."),
    ]
    answer = ("The texts. Fewer than `limit`: there are no more.", "Messages")
    return _guarded("listMessages", "Texts, newest first.", answer, parameters, 400, 401, 403, 405, 500, 503)


def _message() -> Operation:
    parameters = [_path("id", "Midcall's message id.")]
    summary = "One text with its attempts and timeline."
    return _guarded(
        "readMessage",
        summary,
        ("The text.", "MessageInFull"),
        parameters,
        *(400, 401, 403, 404, 405, 500, 503),
    )


def _call() -> Operation:
    parameters = [
        _path("id", "The platform's call id."),
        _query("platform", TEXT, "The instance, when several have a call of that id (else that is a 400)."),
    ]
    return _guarded(
        "readCall",
        "One call with its texts.",
        ("The call.", "Call"),
        parameters,
        *(400, 401, 403, 404, 405, 500, 503),
    )


# For anybody ----------------------------------------------------------------------------------------------------------


def _open(operation_id: str, summary: str, schema: Schema) -> Operation:
    return {
        "operationId": operation_id,
        "summary": summary,
        "security": [],
        "responses": {"200": _answer(summary, schema)} | _errors("Problem", 405),
    }


def _readiness() -> Operation:
    operation = _open("readiness", "Texts can be sent.", reference("Readiness"))
    operation["responses"]["503"] = _answer("Not ready; `problems` says why.", reference("Readiness"))
    return operation
