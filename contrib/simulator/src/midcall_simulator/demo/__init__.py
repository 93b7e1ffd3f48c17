"""`midcall demo`: a whole simulated call against the real server, with every text counted where the carrier takes it."""

from __future__ import annotations

from midcall_simulator.demo.playing import play

__all__ = ["play"]
