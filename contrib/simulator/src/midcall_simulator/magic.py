"""Magic recipients: fictional numbers that make one fault happen with no code at all."""

from __future__ import annotations

from dataclasses import dataclass

from midcall_simulator.faults import Fault, FaultKind


@dataclass(frozen=True, slots=True, kw_only=True)
class MagicNumber:
    """A fictional recipient, the fault that strikes its texts, and what a person should expect."""

    number: str
    fault: Fault
    meaning: str


def _magic(last_two: str, meaning: str, fault: Fault) -> MagicNumber:
    return MagicNumber(number=f"+170255501{last_two}", fault=fault, meaning=meaning)


K = FaultKind

MAGIC_NUMBERS: tuple[MagicNumber, ...] = (
    _magic("10", "refused: this person sent STOP (Twilio 21610)", Fault(kind=K.OPTED_OUT)),
    _magic("11", "refused: a landline (Twilio 21614)", Fault(kind=K.LANDLINE)),
    _magic("20", "429, not taken (Twilio 20429)", Fault(kind=K.RATE_LIMITED)),
    _magic("21", "429 with Retry-After: 1, not taken", Fault(kind=K.RATE_LIMITED, retry_after=1)),
    _magic("22", "429 once, then taken", Fault(kind=K.RATE_LIMITED, times=1)),
    _magic("30", "500, not taken", Fault(kind=K.STATUS, status=500)),
    _magic("31", "500, but the text was taken", Fault(kind=K.STATUS, status=500, taken=True)),
    _magic("32", "503, not taken", Fault(kind=K.STATUS, status=503)),
    _magic("33", "408, not taken", Fault(kind=K.STATUS, status=408)),
    _magic("34", "409, not taken", Fault(kind=K.STATUS, status=409)),
    _magic("40", "connection closed (FIN) before the text was taken", Fault(kind=K.DROP_BEFORE)),
    _magic("41", "connection closed (FIN) after the text was taken", Fault(kind=K.DROP_AFTER)),
    _magic("42", "connection reset (RST) before the text was taken", Fault(kind=K.RESET_BEFORE)),
    _magic("43", "connection reset (RST) after the text was taken", Fault(kind=K.RESET_AFTER)),
    _magic("50", "no answer for 30 s, then closed; not taken", Fault(kind=K.HANG_BEFORE)),
    _magic("51", "taken, but no answer for 30 s, then closed", Fault(kind=K.HANG_AFTER)),
    _magic("52", "taken, answered 3 s late (receipts come first)", Fault(kind=K.LATE_ANSWER)),
    _magic("53", "taken, answered 201 with half a JSON object", Fault(kind=K.UNREADABLE)),
    _magic("60", "taken, later undelivered: unregistered sender (Twilio 30034 or 30032)", Fault(kind=K.UNREGISTERED)),
    _magic("61", "taken, later undelivered: handset unreachable (Twilio 30003)", Fault(kind=K.UNDELIVERED)),
    _magic("62", "taken, later failed: never left the carrier (Twilio 30008)", Fault(kind=K.UNDELIVERED, final="failed")),
    _magic("70", "delivered, but no receipt ever comes", Fault(kind=K.CALLBACK_LOST)),
    _magic("71", "delivered, every receipt comes twice", Fault(kind=K.CALLBACK_DOUBLED)),
    _magic("72", "delivered, receipts come in the wrong order", Fault(kind=K.CALLBACK_REORDERED)),
    _magic("73", "delivered, receipts come 2 s late", Fault(kind=K.CALLBACK_LATE)),
)  # fmt: skip  # one number a line reads as the table it is


def magic_table() -> str:
    """The README's table of magic numbers, as Markdown."""
    rows = [f"| `{entry.number}` | `{entry.fault.kind}` | {entry.meaning} |" for entry in MAGIC_NUMBERS]
    return "\n".join(["| text this number | fault | what happens |", "|---|---|---|", *rows])
