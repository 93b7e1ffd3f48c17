"""Nothing heavy is loaded before it is needed, proved in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SDKS = {"twilio", "vonage", "telnyx", "retell", "aiohttp", "requests", "httpx"}
WEB = {"starlette", "fastapi", "uvicorn", "uvloop", "httptools"}
HEAVY = {"pydantic", "sqlalchemy", "alembic", "rich", "phonenumbers", "tenacity"}

CONFIGURED = """
[platforms.retell]
api_key = "key"

[accounts.twilio]
account_sid = "AC00000000000000000000000000000001"
auth_token = "00000000000000000000000000000002"
"""


def loaded_by(code: str, folder: Path) -> set[str]:
    """Top-level modules that a fresh interpreter has after running `code` in `folder`."""
    ending = "\nimport sys, json; print('\\n' + json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    done = subprocess.run(
        [sys.executable, "-c", code + ending],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("MIDCALL")},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_midcall_loads_nothing_heavy(tmp_path: Path) -> None:
    """`import midcall` costs nothing: no SDK, no web framework, no pydantic, no database."""
    assert not loaded_by("import midcall", tmp_path) & (SDKS | WEB | HEAVY)


def test_listing_plugins_imports_no_plugin(tmp_path: Path) -> None:
    """Their names and versions come from metadata."""
    loaded = loaded_by(
        "from midcall.plugins import discover\nassert {'twilio', 'retell'} <= {p.name for p in discover()}",
        tmp_path,
    )
    assert not loaded & (SDKS | WEB | HEAVY | {"midcall_twilio", "midcall_retell"})


@pytest.mark.parametrize("arguments", [["--help"], ["serve", "--help"], ["send", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    """Help is instant, whatever the command."""
    code = f"from midcall.cli.main import midcall\nmidcall({arguments!r}, standalone_mode=False)"
    assert not loaded_by(code, tmp_path) & (SDKS | WEB | HEAVY)


def test_midcall_plugins_imports_configured_plugins_and_no_sdk(tmp_path: Path) -> None:
    """`midcall plugins` checks the plugins' settings; the carriers' SDKs wait for the start."""
    (tmp_path / "midcall.toml").write_text(CONFIGURED)
    code = "from midcall.cli.main import midcall\nmidcall(['plugins', '--json'], standalone_mode=False)"
    loaded = loaded_by(code, tmp_path)
    assert {"midcall_twilio", "midcall_retell"} <= loaded
    assert not loaded & (SDKS | WEB)
