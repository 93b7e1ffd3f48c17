from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from midcall import LedgerError
from midcall.ledger import Ledger
from midcall.ledger.location import Location
from midcall.ledger.migrate import HEAD, REVISIONS, bring_up
from midcall.ledger.tables import metadata


def schema(path: Path) -> dict[str, str]:
    """Every table and index with its text, white space aside."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {name: re.sub(r"\s+", " ", sql) for name, sql in rows if name != "alembic_version"}


def test_migrations_make_what_the_tables_say(path: Path, tmp_path: Path) -> None:
    """A file that came through all migrations is the same, to the letter, as one made from the tables."""
    bring_up(Location(path))
    other = tmp_path / "direct.db"
    engine = create_engine(f"sqlite:///{other}")
    metadata.create_all(engine)
    engine.dispose()
    assert schema(path) == schema(other)


def test_every_revision_is_known() -> None:
    """The constants that spare us Alembic's import say what its scripts say."""
    config = Config()
    config.set_main_option("script_location", "midcall.ledger:migrations")
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    assert tuple(script.revision for script in scripts.walk_revisions())[::-1] == REVISIONS
    assert scripts.get_heads() == [HEAD]


def test_a_ledger_that_is_up_to_date_needs_no_alembic(path: Path) -> None:
    """Alembic costs a quarter of a second, and is imported only when there is something to migrate."""
    bring_up(Location(path))
    code = (
        "import sys; from pathlib import Path; from midcall.ledger.location import Location;"
        "from midcall.ledger.migrate import bring_up; bring_up(Location(Path(sys.argv[1])));"
        "sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=50)


def test_importing_midcall_does_not_import_the_ledger() -> None:
    """`midcall --help` must not pay for SQLAlchemy."""
    code = "import sys, midcall; sys.exit('midcall.ledger' in sys.modules or 'sqlalchemy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=50)


def test_two_processes_may_make_the_same_ledger(path: Path) -> None:
    """Both open a file that is not there yet, at the same time; both succeed, and it is made once."""
    code = (
        "import asyncio, sys; from midcall.ledger import Ledger\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "async def main():\n"
        "    ledger = await Ledger.open(sys.argv[1]); print(await ledger.messages()); await ledger.aclose()\n"
        "asyncio.run(main())"
    )
    openers = [
        subprocess.Popen(
            [sys.executable, "-c", code, f"sqlite:///{path}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    try:
        for opener in openers:
            assert opener.stdout is not None
            assert opener.stdout.readline() == "ready\n"
        for opener in openers:
            assert opener.stdin is not None
            opener.stdin.write("go\n")
            opener.stdin.flush()
        answers = [opener.communicate(timeout=50)[0] for opener in openers]
    finally:
        for opener in openers:
            opener.kill()
            opener.communicate()
    assert answers == ["()\n"] * 4


async def test_a_ledger_from_the_future_is_refused(path: Path, url: str) -> None:
    """An old Midcall must not write into a newer one's ledger."""
    bring_up(Location(path))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(LedgerError, match="a newer Midcall has written it"):
        await Ledger.open(url)


@pytest.mark.parametrize("script", ["CREATE TABLE notes (x)", "CREATE TABLE alembic_version (version_num)"])
async def test_another_programs_database_is_refused(path: Path, url: str, script: str) -> None:
    """Nothing is added to a database that is not ours."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(script)
    with pytest.raises(LedgerError, match="some other program's database"):
        await Ledger.open(url)
    assert len(schema(path)) <= 1


def test_a_migration_that_fails_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is one transaction: a ledger is never half made, and the next opening makes it."""
    from alembic import op

    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(op, "create_index", fail)
        with pytest.raises(KeyboardInterrupt):
            bring_up(Location(path))
    assert schema(path) == {}
    bring_up(Location(path))
    assert "messages_open" in schema(path)
