"""Phone numbers: reading them, and what may be texted at all.

Numbers are read with `phonenumbers` (Google's libphonenumber), imported only when the first number is read. Two things
it does not settle are settled here. It knows the satellite and global services only as ordinary VoIP or mobile numbers,
and these are what toll fraud is made with. And the numbers reserved for fiction, +1 xxx 555 0100 to 0199, are valid to
it in some area codes and not in others; here they are all numbers of their area code's country, so that tests and
examples behave like real calls.

No message, error or `repr` of this module shows a whole number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

__all__ = [
    "DestinationProblem",
    "DestinationProblemCode",
    "Number",
    "NumberError",
    "NumberErrorCode",
    "NumberKind",
    "destination_problem",
    "is_satellite_or_global",
    "mask",
    "parse_number",
]

NumberKind: TypeAlias = Literal[
    "mobile",
    "fixed_line",
    "fixed_line_or_mobile",
    "toll_free",
    "premium",
    "shared",
    "personal",
    "voip",
    "pager",
    "satellite",
    "other",
]
"""What a number is, as far as its digits tell. `satellite` stands for every satellite and global service. `shared` is
shared cost, `personal` a number that follows a person and is charged above ordinary. In North America mobiles and
landlines look alike: `fixed_line_or_mobile`."""

NumberErrorCode: TypeAlias = Literal["not_a_number", "withheld", "not_e164", "impossible"]
DestinationProblemCode: TypeAlias = Literal[
    "satellite", "premium", "country", "toll_free", "prefix", "landline"
]

_SATELLITE_OR_GLOBAL: Final = ("+870", "+878", "+881", "+882", "+883", "+888", "+979")

_WITHHELD_WORDS: Final = (
    "anonymous",
    "blocked",
    "private",
    "restricted",
    "unavailable",
    "unknown",
    "withheld",
)
_WITHHELD_PHRASES: Final = frozenset(
    {
        *_WITHHELD_WORDS,
        *(word + noun for word in _WITHHELD_WORDS for noun in ("call", "caller", "number", "callerid", "id")),
        *("nocallerid", "noid", "callerunknown", "calleridunavailable", "notavailable", "outofarea"),
    }
)
_KEYPAD: Final = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")
# Some networks cannot carry words as a caller's number and spell them on the keypad: +266696687 is "anonymous".
_WITHHELD_SPELLINGS: Final = frozenset("+" + word.translate(_KEYPAD) for word in _WITHHELD_WORDS)

_LONGEST: Final = 250  # characters, as in libphonenumber; keeps what is cached small too
_SEPARATORS: Final = re.compile(r"[\s.()/\-\u2010-\u2015\u2212]+")
_DIGITS: Final = re.compile(r"\+?[0-9]+")
_FICTION: Final = re.compile(r"\+1([2-9][0-9]{2})555(01[0-9]{2})")
# Any exchange will do to learn an area code's country; several, since small territories use few of theirs.
_EXCHANGES: Final = ("555", "234", "423", "765", "982")
_FICTION_COUNTRY: Final = "US"  # of area codes that nobody has, such as 555


class NumberError(ValueError):
    """A text that cannot be used as a phone number; `code` says why, for programs."""

    def __init__(self, code: NumberErrorCode, message: str) -> None:
        super().__init__(message)
        self.code: NumberErrorCode = code


@dataclass(frozen=True, slots=True, repr=False)
class Number:
    """A phone number that can exist. Its `repr` and `str` are masked; `e164` is the number itself."""

    e164: str
    country_code: int
    """The calling code: 1, 44, 881."""
    region: str | None
    """ISO 3166-1 alpha-2 country, `001` for numbers of no country, None when several countries share the calling code
    and the digits do not tell."""
    kind: NumberKind

    def __repr__(self) -> str:
        return f"Number({mask(self.e164)}, region={self.region!r}, kind={self.kind!r})"


@dataclass(frozen=True, slots=True)
class DestinationProblem:
    """Why a number may not be texted."""

    code: DestinationProblemCode
    sentence: str
    """For people and logs: the number masked, and what to change if it should be allowed."""


def parse_number(text: str, *, region: str | None = None) -> Number:
    """Read a phone number, written as people and platforms write it: spaces, hyphens and brackets are ignored.

    Without `region` (ISO 3166-1 alpha-2) the number has to be international, with its `+`; with it, numbers without one
    are read as dialled there. Raises `NumberError`:

    - `withheld`: the caller hides the number. All the forms networks use are known: words such as `anonymous` and
      `Unknown caller`, words spelled on the keypad (+266696687), and SIP addresses such as `anonymous@anonymous.invalid`;
    - `not_a_number`: letters, an extension, another SIP address, nothing at all;
    - `not_e164`: digits, but no `+` and no `region`;
    - `impossible`: no such calling code, or too short or too long for its country; short codes are of this kind.

    Raises `ValueError` when `region` is not a country.
    """
    if len(text) > _LONGEST:
        raise NumberError(
            "not_a_number", f"{len(text)} characters are no phone number; give one such as +12025550142"
        )
    return _parse(text, region)


def is_satellite_or_global(e164: str) -> bool:
    """Whether the number belongs to a satellite or global service: +870, +878, +881, +882, +883, +888, +979."""
    return e164.startswith(_SATELLITE_OR_GLOBAL)


def destination_problem(
    number: Number, *, countries: Collection[str], prefixes: Collection[str] = ()
) -> DestinationProblem | None:
    """Say why a number may not be texted, or None when it may.

    `countries` are those that may be texted (ISO 3166-1 alpha-2, upper case). Every country that shares +1 counts by
    itself: +1 809 is DO and needs "DO". With none, nothing may be texted.

    `prefixes` (E.164 beginnings such as `+1202`), when any are given, are the only numbers that may be texted. One that
    names the range, with at least two digits after the calling code, also permits what is otherwise always refused:
    premium, shared-cost and personal numbers, toll-free numbers, landlines; and, beginning with its code, a satellite
    or global service, which belongs to no country.
    """
    shown = mask(number.e164)
    listed = [prefix for prefix in prefixes if number.e164.startswith(prefix)]
    calling_code = f"+{number.country_code}"
    named = any(len(prefix) >= len(calling_code) + 2 for prefix in listed)

    if number.kind == "satellite" or is_satellite_or_global(number.e164):
        if any(is_satellite_or_global(prefix) for prefix in listed):
            return None
        return DestinationProblem(
            "satellite",
            f"{shown} is a number of a satellite or global service ({calling_code}), a target of toll fraud; "
            "if it is meant, list its prefix in prefixes",
        )
    if number.kind in {"premium", "shared", "personal"} and not named:
        return DestinationProblem(
            "premium",
            f"{shown} is a {number.kind.replace('shared', 'shared-cost')} number, charged above the ordinary; "
            "if it is meant, list its prefix in prefixes",
        )
    if number.region is None or number.region not in countries:
        allowed = ", ".join(sorted(countries)) or "none"
        where = (
            "has digits that do not tell its country" if number.region is None else f"is in {number.region}"
        )
        return DestinationProblem(
            "country", f"{shown} {where}; the countries that may be texted are: {allowed}"
        )
    if number.kind == "toll_free" and not named:
        return DestinationProblem(
            "toll_free",
            f"{shown} is a toll-free number, which no caller's phone has; if it is meant, list its prefix in prefixes",
        )
    if prefixes and not listed:
        return DestinationProblem(
            "prefix",
            f"{shown} begins with none of the prefixes that may be texted: {', '.join(sorted(prefixes))}",
        )
    if number.kind == "fixed_line" and not named:
        return DestinationProblem(
            "landline",
            f"{shown} is a landline and cannot receive texts; if this one can, list its prefix in prefixes",
        )
    return None


def mask(e164: str) -> str:
    """A number for logs and errors: `+1202•••0142`. At least three characters are always hidden, in short ones more."""
    tail = max(min(4, len(e164) - 3), 0)
    head = max(min(5, len(e164) - 3 - tail), 0)
    return f"{e164[:head]}•••{e164[len(e164) - tail :]}"


@lru_cache(maxsize=4096)
def _parse(text: str, region: str | None) -> Number:
    import phonenumbers  # 30 ms: not before a number is there to be read

    if region is not None and region.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f"region {region!r} is not a country; use two letters such as US")

    digits = _digits(text)
    if digits in _WITHHELD_SPELLINGS:
        raise NumberError("withheld", "the caller's number is withheld")
    if region is None and not digits.startswith("+"):
        raise NumberError(
            "not_e164", f"{mask(digits)} is not international; write it with + and the country's calling code"
        )
    try:
        parsed = phonenumbers.parse(digits, region.upper() if region is not None else None)
    except phonenumbers.NumberParseException:
        raise NumberError(
            "impossible", f"{mask(digits)} has no known calling code, or too few or too many digits"
        ) from None
    # Not is_possible_number(): that takes a number without its area code.
    if phonenumbers.is_possible_number_with_reason(parsed) != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise NumberError(
            "impossible", f"{mask(digits)} is too short or too long for a number of its country"
        )

    e164 = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    if is_satellite_or_global(e164):
        return Number(e164, _calling_code(parsed), "001", "satellite")
    if fiction := _FICTION.fullmatch(e164):
        return _fictional(e164, area=fiction[1], line=fiction[2])
    return Number(e164, _calling_code(parsed), _region(parsed), _kind(parsed))


def _digits(text: str) -> str:
    """The number's digits and its `+`, nothing else."""
    # Numbers copied from address books come with invisible direction marks, from forms with wide or local digits.
    plain = "".join(
        char for char in unicodedata.normalize("NFKC", text) if unicodedata.category(char) != "Cf"
    )
    plain = plain.strip().casefold()
    if not plain:
        raise NumberError("not_a_number", "there is no number; give one such as +12025550142")
    if "@" in plain or plain.startswith(("sip:", "sips:")):
        address = plain.rpartition("<")[2].partition(">")[0].removeprefix("sips:").removeprefix("sip:")
        user, _, host = address.partition("@")
        if _letters(user) in _WITHHELD_PHRASES or host.startswith("anonymous.invalid"):
            raise NumberError("withheld", "the caller's number is withheld")
        raise NumberError(
            "not_a_number", "a SIP or mail address cannot be texted; give a number such as +12025550142"
        )
    compact = _SEPARATORS.sub("", plain.removeprefix("tel:"))
    compact = "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in compact)
    if _DIGITS.fullmatch(compact):
        return compact
    if _letters(plain) in _WITHHELD_PHRASES:
        raise NumberError("withheld", "the caller's number is withheld")
    raise NumberError("not_a_number", "has characters other than digits; give a number such as +12025550142")


def _letters(text: str) -> str:
    return "".join(char for char in text if char.isalpha())


def _fictional(e164: str, *, area: str, line: str) -> Number:
    """A number reserved for fiction, as a real one of its area code would be."""
    import phonenumbers

    for exchange in _EXCHANGES:
        neighbour = phonenumbers.parse(f"+1{area}{exchange}{line}")
        if phonenumbers.is_valid_number(neighbour):
            kind = _kind(neighbour)
            # Which exchange was found must not decide between mobile and landline.
            ordinary: bool = kind in {"mobile", "fixed_line", "other"}
            return Number(e164, 1, _region(neighbour), "fixed_line_or_mobile" if ordinary else kind)
    region = phonenumbers.region_code_for_number(phonenumbers.parse(e164))
    return Number(e164, 1, region or _FICTION_COUNTRY, "fixed_line_or_mobile")


def _calling_code(parsed: PhoneNumber) -> int:
    code = parsed.country_code
    assert code is not None  # parse() always sets it; the type has to allow for numbers built by hand
    return code


def _region(parsed: PhoneNumber) -> str | None:
    import phonenumbers

    found = phonenumbers.region_code_for_number(parsed)
    if found is not None:
        return found
    sharing = phonenumbers.region_codes_for_country_code(_calling_code(parsed))
    return sharing[0] if len(sharing) == 1 else None


def _kind(parsed: PhoneNumber) -> NumberKind:
    import phonenumbers

    kinds: dict[int, NumberKind] = {
        phonenumbers.PhoneNumberType.MOBILE: "mobile",
        phonenumbers.PhoneNumberType.FIXED_LINE: "fixed_line",
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_line_or_mobile",
        phonenumbers.PhoneNumberType.TOLL_FREE: "toll_free",
        phonenumbers.PhoneNumberType.PREMIUM_RATE: "premium",
        phonenumbers.PhoneNumberType.SHARED_COST: "shared",
        phonenumbers.PhoneNumberType.PERSONAL_NUMBER: "personal",
        phonenumbers.PhoneNumberType.VOIP: "voip",
        phonenumbers.PhoneNumberType.PAGER: "pager",
    }
    return kinds.get(phonenumbers.number_type(parsed), "other")
