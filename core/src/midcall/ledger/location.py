"""Where a ledger is: from the URL in the settings to a file."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from midcall.contract.errors import ConfigError, LedgerError

_TEMPORARY: Final = ("sqlite://", "sqlite:///:memory:")
_FILE: Final = "sqlite:///"
_FORMS: Final = "sqlite:///midcall.db (relative), sqlite:////var/lib/midcall.db (absolute) or sqlite:// (gone when Midcall stops)"


def ledger_file(url: str) -> Path | None:
    """The file that `url` names, as it is written there; None for a ledger that is temporary.

    Raises `ValueError` for anything else, with the forms that a URL may have and without repeating this one, which may hold a
    password.
    """
    if url in _TEMPORARY:
        return None
    if url.startswith("postgres"):
        raise ValueError(
            f"PostgreSQL is not supported yet; this version keeps its ledger in SQLite: {_FORMS}"
        )
    if not url.startswith(_FILE) or url == _FILE or "\0" in url:
        raise ValueError(f"this version keeps its ledger in SQLite; give {_FORMS}")
    if "?" in url:
        raise ValueError(f"it takes no options, so no ? may be in it; give {_FORMS}")
    return Path(url.removeprefix(_FILE))


def ledger_identity(url: str) -> tuple[int, int] | None:
    """Which file on which disk the ledger is, by device and inode; None when there is none by that name, or it is temporary.

    Nothing is made or opened. Raises `ValueError` as `ledger_file` does.
    """
    file = ledger_file(url)
    try:
        there = None if file is None else file.stat()
    except OSError:
        return None
    return None if there is None else (there.st_dev, there.st_ino)


def ledger_exists(url: str) -> bool:
    """Whether there is a ledger to be read: looking must not make one, in a wrong folder least of all.

    A temporary ledger belongs to the process that opened it, and is not there for anybody else.
    """
    return ledger_identity(url) is not None


@dataclass(frozen=True, slots=True)
class Location:
    """The ledger's file. `temporary` is the folder that goes when the ledger is closed, None for a ledger that is kept."""

    path: Path
    temporary: tempfile.TemporaryDirectory[str] | None = None

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read a URL, as `ledger_file` does; raises `ConfigError` with the forms it may have.

        `sqlite://` is a file in a temporary folder, and not SQLite's own memory database, because the writer and the
        readers are separate connections.
        """
        try:
            file = ledger_file(url)
        except ValueError as error:
            raise ConfigError(f"server.ledger is {_shown(url)!r}: {error}") from None
        if file is None:
            folder = tempfile.TemporaryDirectory(prefix="midcall-ledger-")
            return cls(Path(folder.name) / "ledger.db", folder)
        return cls(file.absolute())

    def touch(self) -> None:
        """Make the file, readable by its owner only: it holds people's numbers and what was written to them.

        A file that is there keeps its rights. SQLite gives its own side files the same rights as this one.
        """
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        except FileNotFoundError:
            raise LedgerError(
                f"the ledger {self.path} cannot be made: the folder {self.path.parent} does not exist; make it, or change"
                " `server.ledger`"
            ) from None
        except IsADirectoryError:
            raise LedgerError(
                f"the ledger {self.path} is a folder: let `server.ledger` name a file"
            ) from None
        except PermissionError:
            raise LedgerError(
                f"the ledger {self.path} cannot be written: give this user the right to write the file and its folder"
            ) from None
        except OSError as error:
            raise LedgerError(f"the ledger {self.path} cannot be made: {error.strerror}") from error

    def discard(self) -> None:
        """Remove a temporary ledger. Does nothing to one that is kept."""
        if self.temporary is not None:
            self.temporary.cleanup()


def _shown(url: str) -> str:
    """The URL without a password."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}" if separator else url
