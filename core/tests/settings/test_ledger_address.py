"""`server.ledger`: the settings take exactly the addresses that the ledger can be opened at."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midcall import ConfigError
from midcall.ledger.location import Location, ledger_exists, ledger_identity
from midcall.settings import load_settings, values

REFUSED = [
    "",
    "midcall.db",
    "sqlite:",
    "sqlite:///",
    "sqlite://host/midcall.db",
    "sqlite:///midcall.db?mode=ro",
    "sqlite:///mid\0call.db",
    "mysql://db/midcall",
    "postgres://db/midcall",
    "postgresql://db/midcall",
    "postgresql+psycopg://db/midcall",
]
TAKEN = ["sqlite://", "sqlite:///:memory:", "sqlite:///midcall.db", "sqlite:////var/lib/midcall.db"]


def problem_of(url: str) -> str:
    """What the settings say of an address; empty when they take it."""
    try:
        load_settings(environ={"MIDCALL_SERVER__LEDGER": url})
    except ConfigError as error:
        (problem,) = error.problems
        return problem
    return ""


def opens(url: str) -> bool:
    """Whether the ledger takes the address."""
    try:
        Location.parse(url).discard()
    except ConfigError:
        return False
    return True


@pytest.mark.parametrize("url", [url for url in REFUSED if url])
def test_what_no_ledger_is_kept_in_is_refused_with_the_settings(url: str) -> None:
    """One sentence with the key, the variable and the addresses that work: not a second rule once the plugins are loaded."""
    problem = problem_of(url)
    assert "MIDCALL_SERVER__LEDGER" in problem
    assert "ledger" in problem
    assert "sqlite:///midcall.db" in problem
    assert ("PostgreSQL is not supported yet" in problem) is url.startswith("postgres")


@given(url=st.sampled_from([*REFUSED, *TAKEN]) | st.text(min_size=1, max_size=8).map("sqlite://".__add__))
def test_settings_and_ledger_agree(url: str) -> None:
    """There is one rule: what the settings take, the ledger takes, and nothing else."""
    try:
        values.ledger(url)
    except ValueError:
        taken = False
    else:
        taken = True
    assert taken is opens(url)


def test_looking_for_a_ledger_makes_none(tmp_path: Path) -> None:
    """`exists` and `identity` of a file tell whether it is there and whether it is still the same one."""
    file = tmp_path / "midcall.db"
    url = f"sqlite:///{file}"
    assert (ledger_exists(url), ledger_identity(url)) == (False, None)
    assert not file.exists()
    file.touch()
    first = ledger_identity(url)
    assert ledger_exists(url)
    assert first is not None
    (tmp_path / "other.db").touch()
    (tmp_path / "other.db").replace(file)
    assert ledger_identity(url) not in (None, first)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_temporary_ledger_is_never_there_before_it_is_opened(url: str) -> None:
    """Each opening has its own: there is nothing in it to be read."""
    assert (ledger_exists(url), ledger_identity(url)) == (False, None)
