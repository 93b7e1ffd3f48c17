"""The command line: `midcall`."""

from midcall.cli.main import main

__all__ = ["main"]
