"""What the demo's server is told: one `midcall.toml`, as for a real one, but for the account's `base_url`."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field

PUBLIC_URL = "https://sms.example.com"
TOOL = "send_sms"

DESK = "+12025550100"
"""A number with a verified campaign."""
SPARE = "+12025550101"
"""Another one, to fall back on."""
SUSPECT = "+12025550102"
"""Looks registered when asked for, and turns out not to be: networks know better than lists."""
UNREGISTERED = "+12025550103"
"""In no campaign."""

_SECRET = re.compile(r'^((?:token|api_key|auth_token) = )"[^"]*"', re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Where the simulated carrier is, and the secrets of this one run."""

    carrier_url: str
    account_sid: str
    auth_token: str
    api_token: str = field(default_factory=lambda: secrets.token_urlsafe(16), repr=False)
    signing_key: str = field(default_factory=lambda: f"key_{secrets.token_hex(12)}", repr=False)

    def settings(self) -> str:
        """`midcall.toml`."""
        return f"""\
[server]
public_url = "{PUBLIC_URL}"
token = "{self.api_token}"

[platforms.retell]
api_key = "{self.signing_key}"

[accounts.twilio]
account_sid = "{self.account_sid}"
auth_token = "{self.auth_token}"
base_url = "{self.carrier_url}"  # the simulator; without it, Twilio

[numbers."{SUSPECT}"]
fallback = ["{SPARE}"]

[tools.{TOOL}]
type = "send_sms"

[tools.{TOOL}.sms_content]
type = "predefined"
text = "Hi {{{{name}}}}, your table is booked for {{{{time}}}}. Change it: https://example.com/b/{{{{booking}}}}"
"""

    def shown(self) -> str:
        """The same without its secrets."""
        return _SECRET.sub(r'\1"•••"', self.settings())
