"""The sending journey: from a tool call to what the agent is told."""

from midcall.sending.answering import Answering, StartTask
from midcall.sending.blocked_senders import BlockedSenders
from midcall.sending.claims import ClaimWriter
from midcall.sending.counting import SegmentCounter
from midcall.sending.drafting import Drafting
from midcall.sending.journey import SendingJourney
from midcall.sending.late_news import LateNews
from midcall.sending.outcomes import refused_without_turn
from midcall.sending.receipts import Receipts
from midcall.sending.transport import REQUEST_S, Transport
from midcall.sending.turn import Counted, Preview

__all__ = [
    "REQUEST_S",
    "Answering",
    "BlockedSenders",
    "ClaimWriter",
    "Counted",
    "Drafting",
    "LateNews",
    "Preview",
    "Receipts",
    "SegmentCounter",
    "SendingJourney",
    "StartTask",
    "Transport",
    "refused_without_turn",
]
