"""Retell as a voice platform for Midcall."""

from __future__ import annotations

from midcall_retell.platform import Retell, RetellSettings

__all__ = ["Retell", "RetellSettings"]
