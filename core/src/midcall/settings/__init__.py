"""`midcall.toml`, the environment and secrets files: where settings come from, and what is said when they are wrong."""

from __future__ import annotations

from midcall.settings.explain import validate
from midcall.settings.load import load_settings
from midcall.settings.model import Hooks, NumberSettings, Pool, Server, Settings
from midcall.settings.raw import RawTable
from midcall.settings.reference import SettingRow, settings_reference

__all__ = [
    "Hooks",
    "NumberSettings",
    "Pool",
    "RawTable",
    "Server",
    "SettingRow",
    "Settings",
    "load_settings",
    "settings_reference",
    "validate",
]
