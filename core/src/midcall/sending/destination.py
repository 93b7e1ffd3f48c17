"""Step 3, the destination: who the text goes to, how far that can be trusted, and whether that number may be texted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from midcall.content import Rendered, Variables, compile_template
from midcall.contract.calls import Call, CallKind
from midcall.contract.messages import Destination, Trust
from midcall.contract.reasons import Reason
from midcall.contract.tool import OtherNumber, Tool
from midcall.numbers import NumberError, destination_problem, parse_number
from midcall.sending.turn import Refusal

ARGUMENT = "to"
"""The model's argument that names another destination, for tools that trust it."""

_REASON_OF_PROBLEM = {
    "satellite": Reason.SATELLITE_NUMBER,
    "premium": Reason.PREMIUM_NUMBER,
    "country": Reason.COUNTRY_NOT_ALLOWED,
    "prefix": Reason.PREFIX_NOT_ALLOWED,
    "landline": Reason.LANDLINE,
    "toll_free": Reason.LANDLINE,
}
_TRUST_OF_LAYER = {
    "system": Trust.SIGNALLING,
    "default": Trust.CONFIGURATION,
    "server": Trust.SERVER,
    "collected": Trust.COLLECTED,
}
_NO_COUNTRY = "001"
"""The region of global services (+883 and the like): numbers written without a + cannot be read as dialled there."""

_RANK = {trust: rank for rank, trust in enumerate(Trust)}


def choose_destination(
    tool: Tool, call: Call, arguments: Mapping[str, Any], variables: Variables
) -> Destination:
    """The caller, the tool's number or `{{variable}}`, or the model's argument, checked. Raises `Refusal`."""
    written, trust = _written_number(tool, call, arguments, variables)
    if trust not in tool.trust:
        raise Refusal(
            Reason.DESTINATION_NOT_TRUSTED,
            f"the number came from the source {trust.value!r}, which tool {tool.name!r} does not trust; "
            f"add it to the tool's trust to allow it within its countries and prefixes",
        )
    region = _country_of(call.agent_number)
    try:
        # People write and say numbers as dialled at home. What machines send without a + could as well be an international
        # number that lost it, and a guess would text a stranger.
        by_machine = trust in (Trust.SIGNALLING, Trust.SERVER)
        number = parse_number(written, region=None if by_machine else region)
    except NumberError as error:
        withheld = error.code == "withheld"
        raise Refusal(
            Reason.NUMBER_WITHHELD if withheld else Reason.INVALID_DESTINATION, str(error)
        ) from None
    destination = Destination(number=number.e164, country=number.region, trust=trust)
    if tool.countries or region:
        check_country(tool, destination, sender=call.agent_number)
    return destination


def check_country(tool: Tool, destination: Destination, *, sender: str | None) -> None:
    """Countries, prefixes, satellite and premium ranges. Without countries of its own a tool may text its sender's.

    Raises `Refusal`.
    """
    own = _country_of(sender)
    countries = tool.countries or ((own,) if own else ())
    problem = destination_problem(
        parse_number(destination.number), countries=countries, prefixes=tool.prefixes
    )
    if problem is not None:
        raise Refusal(_REASON_OF_PROBLEM[problem.code], problem.sentence)


def _written_number(
    tool: Tool, call: Call, arguments: Mapping[str, Any], variables: Variables
) -> tuple[str, Trust]:
    """The number as it was written, and its least trusted source."""
    argument = arguments.get(ARGUMENT)
    if argument not in (None, ""):
        if not isinstance(argument, str):
            raise Refusal(
                Reason.INVALID_ARGUMENTS, f"{ARGUMENT}: must be text, a phone number such as +12025550142"
            )
        return argument, Trust.ARGUMENT
    wanted = tool.sms_destination
    if isinstance(wanted, OtherNumber):
        rendered = compile_template(wanted.phone_number).render(variables)
        if rendered.unresolved:
            names = ", ".join(f"{{{{{name}}}}}" for name in rendered.unresolved)
            raise Refusal(
                Reason.UNRESOLVED_VARIABLE,
                f"tool {tool.name!r}: sms_destination.phone_number needs {names}, which this call has no value for",
            )
        return rendered.text, _least_trusted(rendered)
    if call.user_number is None:
        if call.kind is CallKind.WEB:
            raise Refusal(
                Reason.NO_CALLER_NUMBER,
                "a web call has no caller number; give the tool a static destination",
            )
        raise Refusal(Reason.NUMBER_WITHHELD, "the platform sent no caller number")
    return call.user_number, Trust.SIGNALLING


def _least_trusted(rendered: Rendered) -> Trust:
    """A number put together from several variables is as trustworthy as the worst of them."""
    sources = [_TRUST_OF_LAYER.get(layer, Trust.COLLECTED) for layer in rendered.used.values()]
    return max(sources, key=_RANK.__getitem__, default=Trust.CONFIGURATION)


def _country_of(number: str | None) -> str | None:
    """The country of one of our own numbers; None when it is not a number (a service id), of no country, or missing."""
    if number is None:
        return None
    try:
        region = parse_number(number).region
    except NumberError:
        return None
    return None if region == _NO_COUNTRY else region
