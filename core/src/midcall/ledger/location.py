"""Where a ledger is: from the URL in the settings to a file."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from midcall.contract.errors import ConfigError, LedgerError

_PREFIX = "sqlite://"


@dataclass(frozen=True, slots=True)
class Location:
    """The ledger's file. `temporary` is the folder that goes when the ledger is closed, None for a ledger that is kept."""

    path: Path
    temporary: tempfile.TemporaryDirectory[str] | None = None

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read a URL; raises `ConfigError` with the forms it may have.

        `sqlite://` is a file in a temporary folder, and not SQLite's own memory database, because the writer and the
        readers are separate connections.
        """
        if url in (_PREFIX, "sqlite:///:memory:"):
            folder = tempfile.TemporaryDirectory(prefix="midcall-ledger-")
            return cls(Path(folder.name) / "ledger.db", folder)
        if not url.startswith(_PREFIX + "/") or len(url) == len(_PREFIX) + 1 or "?" in url:
            raise ConfigError(
                f"server.ledger is {_shown(url)!r}: give sqlite:///midcall.db (from the working folder), sqlite:////var/lib/midcall.db"
                " (absolute), or sqlite:// (gone when Midcall stops)"
            )
        return cls(Path(url[len(_PREFIX) + 1 :]).absolute())

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
