"""The API's own description (OpenAPI 3.1), built from the same enums the code uses."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from midcall.contract.messages import MessageState
from midcall.contract.outcomes import Status
from midcall.contract.reasons import Reason

_TEXT = {"type": "string"}
_NULLABLE_TEXT = {"type": ["string", "null"]}
_TIME = {"type": "string", "format": "date-time"}


def openapi_document() -> dict[str, Any]:
    """The whole document, as JSON's own types."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Midcall",
            "version": version("midcall"),
            "description": "Texts a voice agent sends to the caller while they are on the line.",
        },
        "paths": _webhooks() | _reading() | _health(),
        "components": {"schemas": _schemas(), "securitySchemes": _SECURITY},
    }


_SECURITY = {
    "token": {"type": "http", "scheme": "bearer", "description": "`server.token` of the settings."},
    "retell": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Retell-Signature",
        "description": "`v=<unix ms>,d=<HMAC-SHA256 of body and v>`; each platform has a scheme of its own.",
    },
}


def _answer(description: str, schema: str | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": description}
    if schema:
        answer["content"] = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return answer


def _errors(*codes: int) -> dict[str, Any]:
    words = {
        400: "The request cannot be read.",
        401: "No valid signature or token.",
        403: "The API is closed: no token is set.",
        404: "There is no such thing.",
        405: "Send a POST.",
        413: "The body is over `server.max_body`.",
        503: "The ledger cannot be used.",
    }
    return {str(code): _answer(words[code], "Problem") for code in codes}


def _path(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": _TEXT, "description": description}


def _query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def _webhooks() -> dict[str, Any]:
    body = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
    form = {
        "content": {
            "application/x-www-form-urlencoded": {"schema": {"type": "object"}},
            "application/json": {"schema": {"type": "object"}},
        }
    }
    instance = _path("instance", "The name under `[platforms]`.")
    return {
        "/platforms/{instance}/tools/{tool}": {
            "post": {
                "operationId": "callTool",
                "summary": "A tool call of an agent, as its platform sends it. A refusal is a 200 too.",
                "parameters": [instance, _path("tool", "The name under `[tools]`.")],
                "requestBody": body,
                "security": [{"retell": []}],
                "responses": {"200": _answer("What the agent is told.", "Outcome")}
                | _errors(400, 401, 404, 405, 413, 503),
            }
        },
        "/platforms/{instance}/events": {
            "post": {
                "operationId": "takeEvent",
                "summary": "A call opened, ended, or something else happened in it.",
                "parameters": [instance],
                "requestBody": body,
                "security": [{"retell": []}],
                "responses": {"204": _answer("Taken.")} | _errors(400, 401, 404, 405, 413, 503),
            }
        },
        "/carriers/{account}/status": {
            "post": {
                "operationId": "takeStatus",
                "summary": "A carrier's status callback, in the carrier's own form and signed its own way.",
                "parameters": [
                    _path("account", "The name under `[accounts]`."),
                    _query("m", _TEXT, "Our message id."),
                    _query("a", {"type": "integer"}, "The attempt."),
                ],
                "requestBody": form,
                "security": [],
                "responses": {"204": _answer("Taken.")} | _errors(400, 401, 404, 413, 503),
            }
        },
    }


def _reading() -> dict[str, Any]:
    guarded: list[dict[str, list[str]]] = [{"token": []}]
    states = {"type": "string", "enum": [state.value for state in MessageState]}
    return {
        "/messages": {
            "get": {
                "operationId": "listMessages",
                "summary": "Texts, newest first.",
                "parameters": [
                    _query("state", states, "Only these."),
                    _query("call", _TEXT, "Only this call's (the platform's id)."),
                    _query("to", _TEXT, "Only to this number (E.164)."),
                    _query(
                        "limit", {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}, "How many."
                    ),
                    _query("before", _TEXT, "The id of the last one seen, to go on from there."),
                ],
                "security": guarded,
                "responses": {"200": _answer("The texts.", "Messages")} | _errors(400, 401, 403, 503),
            }
        },
        "/messages/{id}": {
            "get": {
                "operationId": "readMessage",
                "summary": "One text with its attempts and timeline.",
                "parameters": [_path("id", "Midcall's message id.")],
                "security": guarded,
                "responses": {"200": _answer("The text.", "Message")} | _errors(401, 403, 404, 503),
            }
        },
        "/calls/{id}": {
            "get": {
                "operationId": "readCall",
                "summary": "One call with its texts.",
                "parameters": [
                    _path("id", "The platform's call id."),
                    _query("platform", _TEXT, "The instance, when two share an id."),
                ],
                "security": guarded,
                "responses": {"200": _answer("The call.", "Call")} | _errors(401, 403, 404, 503),
            }
        },
    }


def _health() -> dict[str, Any]:
    def page(operation: str, summary: str, schema: str, *more: int) -> dict[str, Any]:
        responses = {"200": _answer(summary, schema)}
        responses |= {str(code): _answer("Not ready; `problems` says why.", schema) for code in more}
        return {"get": {"operationId": operation, "summary": summary, "security": [], "responses": responses}}

    return {
        "/healthz": page("health", "The process lives.", "Health"),
        "/readyz": page("readiness", "Texts can be sent.", "Health", 503),
    }


def _schemas() -> dict[str, Any]:
    reason = {"type": "string", "enum": [each.value for each in Reason]}
    nullable_reason = {"type": ["string", "null"], "enum": [*(each.value for each in Reason), None]}
    message = {
        "id": _TEXT,
        "state": {"type": "string", "enum": [state.value for state in MessageState]},
        "reason": nullable_reason,
        "detail": _TEXT,
        "plugin": _TEXT,
        "platform": _TEXT,
        "call_id": _TEXT,
        "tool": _TEXT,
        "tool_call_id": _NULLABLE_TEXT,
        "account": _NULLABLE_TEXT,
        "from": _NULLABLE_TEXT,
        "to": _NULLABLE_TEXT,
        "text": _TEXT,
        "media": {"type": "array", "items": _TEXT},
        "encoding": _TEXT,
        "segments": {"type": "integer"},
        "carrier_id": _NULLABLE_TEXT,
        "carrier_code": _NULLABLE_TEXT,
        "attempts": {"type": "integer"},
        "verdicts": {"type": "array", "items": {"type": "object"}},
        "created_at": _TIME,
        "updated_at": _TIME,
        "attempts_made": {"type": "array", "items": {"type": "object"}},
        "events": {"type": "array", "items": {"type": "object"}},
    }
    return {
        "Outcome": {
            "type": "object",
            "required": ["status", "say"],
            "properties": {
                "status": {"type": "string", "enum": [status.value for status in Status]},
                "say": _TEXT,
                "speak": {"type": "boolean"},
                "message_id": _TEXT,
                "reason": reason,
                "detail": _TEXT,
                "plugin": _TEXT,
                "segments": {"type": "integer"},
                "duplicate": {"type": "boolean"},
            },
        },
        "Message": {"type": "object", "required": ["id", "state"], "properties": message},
        "Messages": {
            "type": "object",
            "required": ["messages"],
            "properties": {"messages": {"type": "array", "items": {"$ref": "#/components/schemas/Message"}}},
        },
        "Call": {
            "type": "object",
            "required": ["platform", "id", "messages"],
            "properties": {
                "platform": _TEXT,
                "id": _TEXT,
                "messages": {"type": "array", "items": {"$ref": "#/components/schemas/Message"}},
            },
        },
        "Problem": {
            "type": "object",
            "required": ["error", "fix"],
            "properties": {"error": _TEXT, "fix": _TEXT, "status": _TEXT},
        },
        "Health": {
            "type": "object",
            "required": ["status"],
            "properties": {"status": _TEXT, "problems": {"type": "array", "items": _TEXT}},
        },
    }
