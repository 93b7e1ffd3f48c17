"""Checks of single values: addresses, numbers, the ledger. Each returns the value as it will be used, or raises ValueError
with words that do not repeat the value, since it may hold a password."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from midcall.ledger.location import ledger_file

_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_INSTANCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]", re.ASCII)
_PASSWORD: Final = re.compile(r"(?<=://)[^/@\s]*@")


def is_e164(text: str) -> bool:
    """Whether it is written as a number in E.164: +, country code, number, digits only."""
    return _E164.fullmatch(text) is not None


def e164(text: str) -> str:
    """A phone number in E.164."""
    if not is_e164(text):
        raise ValueError("a phone number is written with + and the country code, digits only: +12025550100")
    return text


def instance_name(text: str) -> str:
    """A name that can stand in the address of a webhook."""
    if not _INSTANCE.fullmatch(text):
        raise ValueError(
            "a name is letters, digits, - and _, no more than 64 of them: it is part of an address"
        )
    return text


def not_a_boolean(value: Any) -> Any:
    """Pydantic would read `port = true` as port 1."""
    if isinstance(value, bool):
        raise ValueError("it must be a whole number, not true or false")  # noqa: TRY004 - pydantic turns only ValueError into an error of the field
    return value


def public_url(text: str) -> str:
    """An http or https address without path, query or sign-in, and without the last slash."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("it must be an address such as https://sms.example.com") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise ValueError("it must begin with https:// or http://, and name a host: https://sms.example.com")
    if parts.username is not None or parts.password is not None:
        raise ValueError("it must not hold a user name or password")
    if parts.path not in {"", "/"} or parts.query or parts.fragment or "?" in text or "#" in text:
        raise ValueError("it must end after the host and port: carriers are given paths below it")
    shown_host = f"[{host}]" if ":" in host else host
    if not _HOST.fullmatch(shown_host):
        raise ValueError("its host has characters that no host has")
    return f"{parts.scheme}://{shown_host}" + (f":{port}" if port is not None else "")


def ledger(text: str) -> str:
    """The address of a ledger, as `midcall.ledger` can open it."""
    ledger_file(text)
    return text


def resolved_ledger(text: str, base_dir: Path) -> str:
    """The ledger's address with a relative file made absolute; a temporary ledger's as it is."""
    file = ledger_file(text)
    return text if file is None else f"sqlite:///{(base_dir / file).as_posix()}"


def without_password(text: str) -> str:
    """An address with whatever stands before the @ hidden."""
    return _PASSWORD.sub("•••@", text)
