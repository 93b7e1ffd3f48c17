"""Every answer is held against the server's own description: what it does not promise must not come."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from typing import Any

from midcall.server.openapi import openapi_document


def strict_document() -> dict[str, Any]:
    """The description, read strictly: an object has the properties it names and no others."""
    document = deepcopy(openapi_document())
    for schema in document["components"]["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return document


@cache
def _openapi() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # openapi-core's own use of its dependencies
        from openapi_core import OpenAPI

        return OpenAPI.from_dict(strict_document())


def _operation(method: str, path: str) -> dict[str, Any] | None:
    """What is promised for a request; None for a path or method that is not described."""
    for pattern, operations in openapi_document()["paths"].items():
        ours, theirs = pattern.split("/"), path.split("/")
        if len(ours) == len(theirs) and all(
            ours_part in ("", theirs_part) or (ours_part.startswith("{") and theirs_part)
            for ours_part, theirs_part in zip(ours, theirs, strict=True)
        ):
            found: dict[str, Any] | None = operations.get(method.lower())
            return found
    return None


def check_answer(method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Raise when an answer is not as described. `path` is without the query, `headers` have names in lower case."""
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers
    if method == "HEAD":
        assert body == b""
        return
    if _operation(method, path) is None:
        assert status in (404, 405), f"{method} {path} is not described and answers {status}"
        answer = json.loads(body)
        assert {"error", "fix"} <= set(answer) <= {"error", "fix", "status"}
        if status == 405:
            assert headers["allow"]
        return
    from openapi_core.testing import MockRequest, MockResponse

    content_type = headers.get("content-type", "")
    response = MockResponse(body, status_code=status, headers=dict(headers), content_type=content_type)
    _openapi().validate_response(MockRequest("http://127.0.0.1", method, path), response)
