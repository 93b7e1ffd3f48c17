"""Whatever a file or the environment holds, the answer is Settings or a ConfigError with words."""

from __future__ import annotations

import datetime as dt
import json
import math
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from midcall import ConfigError
from midcall.settings import load_settings

SECRET = "s3cr3tS3cr3t"
NAMES = [
    *("required_plugins", "order", "disable", "server", "platforms", "accounts", "numbers", "pools", "tools"),
    *(
        "plugins",
        "templates",
        "hooks",
        "public_url",
        "token",
        "ledger",
        "port",
        "account",
        "fallback",
        "carrier",
    ),
    *(
        "platform",
        "content",
        "deadline_ms",
        "sms_content",
        "name",
        "my-eu",
        "+12025550100",
        "_env_file",
        "self",
        "",
    ),
]

keys = st.sampled_from(NAMES) | st.text(max_size=8)
scalars = (
    st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.dates(min_value=dt.date(1900, 1, 1))
    | st.sampled_from(
        ["any", "+12025550101", "pool:a", "https://x.example", "sqlite:///x.db", "a.json", "\x00"]
    )
)
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
documents = st.dictionaries(keys, trees | st.dictionaries(keys, trees, max_size=4), max_size=5)


def toml(value: Any) -> str:
    """A value as TOML, tables in line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(key)} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else "nan"
    return quoted(value) if isinstance(value, str) else str(value)


def quoted(text: str) -> str:
    """Text as a TOML string."""
    return json.dumps(text.encode("utf-8", "ignore").decode()).replace("\x7f", "\\u007f")


def answer(file: Path, environ: dict[str, str]) -> None:
    """Load, and look at what is said."""
    problems: tuple[str, ...] | None = None
    try:
        loaded = load_settings(config=file, environ=environ)
    except ConfigError as error:
        problems = error.problems
    else:
        assert SECRET not in repr(loaded)
        assert loaded.ledger_url
        loaded.model_dump_json()
    if problems is not None:
        assert problems
        assert all(problem and "\n" not in problem for problem in problems)
        assert SECRET not in "".join(problems)


quick = settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@quick
@given(document=documents)
def test_any_toml_document(tmp_path: Path, document: dict[str, Any]) -> None:
    """Any document that is TOML."""
    file = tmp_path / "midcall.toml"
    text = "".join(f"{quoted(key)} = {toml(value)}\n" for key, value in document.items())
    file.write_text(text.replace("\\ud", "x"), encoding="utf-8")
    answer(file, {})


@quick
@given(
    content=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))
)
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    """Any file at all."""
    file = tmp_path / "midcall.toml"
    file.write_bytes(content)
    answer(file, {})


def may_be_secret(variable: str) -> bool:
    """Whether the variable may hold a secret: it is for a plugin, or the token, or nobody knows what it is for."""
    section, _, key = variable.removeprefix("MIDCALL_").lower().partition("__")
    return (
        section in {"accounts", "platforms", "plugins"}
        or section not in NAMES
        or (section, key) == ("server", "token")
    )


parts = st.sampled_from(
    [*(name.upper().replace("-", "_") for name in NAMES), "EU", "SEND_SMS", "12025550100", "É"]
)
variables = st.lists(parts, max_size=4).map(lambda names: "MIDCALL_" + "__".join(names)) | st.text(
    max_size=6
).map(lambda text: "MIDCALL_" + text)


@quick
@given(
    environ=st.dictionaries(variables, st.text(max_size=12) | st.just(SECRET), max_size=5), document=documents
)
def test_any_environment(tmp_path: Path, environ: dict[str, str], document: dict[str, Any]) -> None:
    """Any variables over any document; a secret in a variable is never in what is said about it."""
    environ = {
        name: text
        for name, text in environ.items()
        if name.upper() not in {"MIDCALL_CONFIG", "MIDCALL_SECRETS_DIR"}
        and (text != SECRET or may_be_secret(name))
    }
    file = tmp_path / "midcall.toml"
    text = "".join(f"{quoted(key)} = {toml(value)}\n" for key, value in document.items())
    file.write_text(text.replace("\\ud", "x"), encoding="utf-8")
    answer(file, environ)
