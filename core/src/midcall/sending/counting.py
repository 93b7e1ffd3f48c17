"""How a draft is coded and what it costs, in segments: by the alphabet of its sender's carrier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from midcall.content import CHARSETS, GSM7, Segments, count_segments
from midcall.contract.carrier import Carrier
from midcall.contract.messages import Draft


class SegmentCounter:
    """Counts a draft with the alphabet of its sender's carrier. `carriers` is filled in once they are loaded."""

    def __init__(self) -> None:
        self.carriers: Mapping[str, Carrier[Any]] = {}

    def __call__(self, draft: Draft) -> Segments:
        """How the text is coded, and how many segments it takes."""
        carrier = self.carriers.get(draft.sender.account)
        charset = CHARSETS.get(carrier.capabilities.charset, GSM7) if carrier else GSM7
        return count_segments(draft.content.text, charset)
