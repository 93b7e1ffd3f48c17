"""Who is alive: every open ledger holds a locked file beside the database, and the system lets go of it when a process dies.

So another process knows at once, and not after a lease, that the owner of a message that is being sent was killed. A
name in a table could not tell a dead process from a slow one.
"""

from __future__ import annotations

import contextlib
import os
import sys
import uuid
from pathlib import Path
from typing import Self

from midcall.contract.errors import LedgerError

# Windows has no such locks; there a message waits for its lease to run out.
if sys.platform != "win32":
    import fcntl


class Ownership:
    """One opening's own file, locked until `release` or death. Made with `Ownership.take`."""

    def __init__(self, database: Path, boot_id: str, descriptor: int | None) -> None:
        """Use `Ownership.take`."""
        self.boot_id = boot_id
        self._database = database
        self._descriptor = descriptor

    @classmethod
    def take(cls, database: Path) -> Self:
        """Come alive under a new boot id."""
        boot_id = uuid.uuid4().hex
        if sys.platform == "win32":
            return cls(database, boot_id, None)
        path = _path(database, boot_id)
        while True:
            try:
                descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise LedgerError(
                    f"the file {path} cannot be made ({error.strerror}): give this user the right to write its folder"
                ) from error
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # Between making and locking it, another process may have taken it for a dead one's and removed it.
            if _is_at(descriptor, path):
                return cls(database, boot_id, descriptor)
            os.close(descriptor)

    def may_live(self, boot_id: str) -> bool:
        """Whether that owner may still be at work. False is certain; without such locks everybody may be."""
        if boot_id == self.boot_id:
            return True
        if sys.platform == "win32":
            return True
        try:
            descriptor = os.open(_path(self._database, boot_id), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        except OSError:
            return True  # not allowed to look: the lease decides
        try:
            # Shared, so that two processes that look at once do not take each other for the owner.
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(descriptor)
        return False

    def clean_up(self) -> None:
        """Remove the files of dead owners."""
        if sys.platform == "win32":
            return
        start = _path(self._database, "").name
        for path in self._database.parent.iterdir():
            if path.name.startswith(start) and path.name != start + self.boot_id:
                _remove_if_dead(path)

    def release(self) -> None:
        """Be dead to the others. May be called more than once."""
        if self._descriptor is None:
            return
        with contextlib.suppress(OSError):
            _path(self._database, self.boot_id).unlink()
        os.close(self._descriptor)
        self._descriptor = None


def _path(database: Path, boot_id: str) -> Path:
    return database.with_name(f"{database.name}.owner-{boot_id}")


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    ours = os.fstat(descriptor)
    return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)


def _remove_if_dead(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    except OSError:
        return  # alive, or somebody else removes it
    finally:
        os.close(descriptor)
