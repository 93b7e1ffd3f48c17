"""Faults: what can go wrong between a text and its receipt, and when.

There are two moments. An *answer fault* strikes a request that would otherwise have been accepted and
decides what the client sees and whether the text was taken. A *receipt fault* strikes a text that was taken
and decides how its status callbacks go. One text can meet one of each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum

MAX_SECONDS = 60.0
"""The longest any fault may hold a connection or a callback, so that no test can hang for good."""

_DEFAULT_SECONDS = {"hang_before": 30.0, "hang_after": 30.0, "late_answer": 3.0, "callback_late": 2.0}


class FaultKind(StrEnum):
    """What goes wrong. The README's table says for each what the client sees and what state is left."""

    REFUSE = "refuse"
    OPTED_OUT = "opted_out"
    LANDLINE = "landline"
    RATE_LIMITED = "rate_limited"
    STATUS = "status"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    RESET_BEFORE = "reset_before"
    RESET_AFTER = "reset_after"
    HANG_BEFORE = "hang_before"
    HANG_AFTER = "hang_after"
    LATE_ANSWER = "late_answer"
    UNREADABLE = "unreadable"
    UNREGISTERED = "unregistered"
    UNDELIVERED = "undelivered"
    CALLBACK_LOST = "callback_lost"
    CALLBACK_DOUBLED = "callback_doubled"
    CALLBACK_REORDERED = "callback_reordered"
    CALLBACK_LATE = "callback_late"

    @property
    def strikes_receipt(self) -> bool:
        """True for faults of the status callbacks, False for faults of the answer."""
        return self in _RECEIPT_KINDS


_RECEIPT_KINDS = frozenset(
    {
        FaultKind.UNREGISTERED,
        FaultKind.UNDELIVERED,
        FaultKind.CALLBACK_LOST,
        FaultKind.CALLBACK_DOUBLED,
        FaultKind.CALLBACK_REORDERED,
        FaultKind.CALLBACK_LATE,
    }
)
_CODED_KINDS = frozenset(
    {
        FaultKind.REFUSE,
        FaultKind.STATUS,
        FaultKind.RATE_LIMITED,
        FaultKind.UNREGISTERED,
        FaultKind.UNDELIVERED,
    }
)
_CALLBACK_CHOICE = frozenset({FaultKind.CALLBACK_LOST, FaultKind.CALLBACK_DOUBLED})
_SEND_ONLY = frozenset({FaultKind.OPTED_OUT, FaultKind.LANDLINE, *_RECEIPT_KINDS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the simulator was asked to do, as a fault's rule sees it."""

    carrier: str
    on: str
    """`send` for a new text, `lookup` for any reading request."""
    account: str
    to: str = ""
    from_: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong, for whom, and how often.

    Without `to`, `from_` and `when` it strikes everybody; each of them narrows it. Raises `ValueError`,
    naming the field, for a combination that has no meaning.
    """

    kind: FaultKind
    to: str | None = None
    """Only this recipient."""
    from_: str | None = None
    """Only this sending number (or messaging service)."""
    when: Callable[[Asked], bool] | None = None
    """Only when this rule says so."""
    times: int | None = None
    """How many requests it strikes before it is spent; 1 is one-shot, None is for good."""
    on: str = "send"
    """`send` strikes new texts, `lookup` strikes reading requests (lists, fetches, registration)."""
    status: int | None = None
    """HTTP status (kinds refuse and status), 200 to 599."""
    code: int | None = None
    """The carrier's own error code; without it the carrier's usual one."""
    retry_after: float | None = None
    """Seconds for the Retry-After header (kinds rate_limited and status)."""
    seconds: float | None = None
    """How long to hang or to be late, at most 60; without it 30 for a hang, 3 for an answer, 2 for a callback."""
    taken: bool = False
    """Kind status only: whether the text was taken although the answer is an error."""
    final: str = "undelivered"
    """Kinds unregistered and undelivered: the last status, `undelivered` or `failed`."""
    only: str | None = None
    """Kinds callback_lost and callback_doubled: only the callback with this status."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", FaultKind(self.kind))
        if self.times is not None and self.times < 1:
            raise ValueError(f"times is {self.times}: use 1 or more, or leave it out for every time")
        self._check_place()
        self._check_answer()
        self._check_receipt()

    def _check_place(self) -> None:
        if self.on not in {"send", "lookup"}:
            raise ValueError(f"on is {self.on!r}: use 'send' or 'lookup'")
        if self.on == "lookup" and self.kind in _SEND_ONLY:
            raise ValueError(f"kind {self.kind} strikes texts: leave on at 'send'")

    def _check_answer(self) -> None:
        kind = self.kind
        if kind is FaultKind.REFUSE and self.code is None:
            raise ValueError("kind refuse needs code, the carrier's error code, such as 21610")
        if kind is FaultKind.STATUS and self.status is None:
            raise ValueError("kind status needs status, an HTTP status such as 503")
        if self.status is not None and (
            kind not in {FaultKind.STATUS, FaultKind.REFUSE} or not 200 <= self.status <= 599
        ):
            raise ValueError("status goes with the kinds status and refuse, and is 200 to 599")
        if self.code is not None and kind not in _CODED_KINDS:
            raise ValueError(f"code has no meaning for kind {kind}: leave it out")
        if self.retry_after is not None and kind not in {FaultKind.RATE_LIMITED, FaultKind.STATUS}:
            raise ValueError("retry_after goes with the kinds rate_limited and status")
        if self.taken and (kind is not FaultKind.STATUS or self.on != "send"):
            raise ValueError("taken goes with kind status on 'send'; the other kinds say so in their name")

    def _check_receipt(self) -> None:
        holds = self.kind.value in _DEFAULT_SECONDS
        if self.seconds is not None and (not holds or not 0 <= self.seconds <= MAX_SECONDS):
            raise ValueError(
                f"seconds goes with the kinds {', '.join(_DEFAULT_SECONDS)}, and is 0 to {MAX_SECONDS:g}"
            )
        if self.final not in {"undelivered", "failed"}:
            raise ValueError(f"final is {self.final!r}: use 'undelivered' or 'failed'")
        if self.only is not None and self.kind not in _CALLBACK_CHOICE:
            raise ValueError("only goes with the kinds callback_lost and callback_doubled")

    @property
    def hold(self) -> float:
        """Seconds this fault hangs or is late; 0 for the kinds that do neither."""
        return _DEFAULT_SECONDS.get(self.kind.value, 0.0) if self.seconds is None else self.seconds

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> Fault:
        """Read a fault from the JSON of `POST /_sim/faults`; `from` stands for `from_`.

        Raises `ValueError` for a field that is unknown, missing or of the wrong type.
        """
        given = {("from_" if name == "from" else name): item for name, item in value.items()}
        known = {field.name for field in fields(cls)} - {"when"}
        if unknown := sorted(given.keys() - known):
            raise ValueError(f"unknown field {unknown[0]!r}: use {', '.join(sorted(known))}")
        if "kind" not in given:
            raise ValueError(f"kind is missing: use one of {', '.join(FaultKind)}")
        for name, item in given.items():
            if (item is not None and not isinstance(item, _JSON_TYPES[name])) or isinstance(item, bool) != (
                name == "taken"
            ):
                raise ValueError(f"{name} has the wrong type: {type(item).__name__}")
        return cls(**given)  # type: ignore[arg-type]  # each value was checked against _JSON_TYPES above

    def as_json(self) -> dict[str, object]:
        """The fault as `POST /_sim/faults` takes it, without the fields left at their default."""
        shown: dict[str, object] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "when" and value != field.default:
                shown[field.name.rstrip("_")] = value
        return shown


_JSON_TYPES: dict[str, type | tuple[type, ...]] = {
    "kind": str,
    "to": str,
    "from_": str,
    "times": int,
    "on": str,
    "status": int,
    "code": int,
    "retry_after": (int, float),
    "seconds": (int, float),
    "taken": bool,
    "final": str,
    "only": str,
}


class ArmedFault:
    """A fault in place: how often it has struck, and a way to take it out again."""

    __slots__ = ("fault", "struck")

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.struck = 0

    @property
    def spent(self) -> bool:
        """Whether it has struck as often as it may."""
        return self.fault.times is not None and self.struck >= self.fault.times

    def matches(self, asked: Asked, *, receipt: bool) -> bool:
        """Whether it strikes this request (`receipt=False`) or this text's callbacks (`receipt=True`)."""
        fault = self.fault
        return (
            not self.spent
            and fault.on == asked.on
            and fault.kind.strikes_receipt is receipt
            and (fault.to is None or fault.to == asked.to)
            and (fault.from_ is None or fault.from_ == asked.from_)
            and (fault.when is None or fault.when(asked))
        )


class Faults:
    """All faults in place.

    A fault that names the recipient goes before one that does not, then the first added; a magic number's
    own fault comes last. A fault counts only the requests it really struck.
    """

    def __init__(self, magic: Mapping[str, Fault] | None = None) -> None:
        self._by_recipient: dict[str, list[ArmedFault]] = {}
        self._general: list[ArmedFault] = []
        self._magic = {number: ArmedFault(fault) for number, fault in (magic or {}).items()}

    def add(self, fault: Fault) -> ArmedFault:
        """Put a fault in place and return it armed, so that a test can ask how often it struck."""
        armed = ArmedFault(fault)
        self._place_of(fault).append(armed)
        return armed

    def remove(self, armed: ArmedFault) -> None:
        """Take a fault out again; one that is spent is already out."""
        place = self._place_of(armed.fault)
        if armed in place:
            place.remove(armed)

    def clear(self) -> None:
        """Take out every fault that was added; the magic numbers keep theirs, as new."""
        self._by_recipient.clear()
        self._general.clear()
        for armed in self._magic.values():
            armed.struck = 0

    def strike(self, asked: Asked, *, receipt: bool = False) -> Fault | None:
        """The fault that strikes now, counted as struck, or None."""
        for place in (self._by_recipient.get(asked.to), self._general):
            for armed in place or ():
                if armed.matches(asked, receipt=receipt):
                    armed.struck += 1
                    if armed.spent:
                        self.remove(armed)
                    return armed.fault
        magic = self._magic.get(asked.to)
        if magic is not None and magic.matches(asked, receipt=receipt):
            magic.struck += 1
            return magic.fault
        return None

    def __iter__(self) -> Iterator[ArmedFault]:
        for place in self._by_recipient.values():
            yield from place
        yield from self._general

    def _place_of(self, fault: Fault) -> list[ArmedFault]:
        return self._general if fault.to is None else self._by_recipient.setdefault(fault.to, [])
