"""Twilio numbers for Midcall. Importing this package imports nothing of Twilio's SDK, which costs a third of a second."""

from __future__ import annotations

from midcall_twilio.carrier import Twilio
from midcall_twilio.codes import code_table
from midcall_twilio.settings import TwilioSettings

__all__ = ["Twilio", "TwilioSettings", "code_table"]
