"""Step 3: who the text goes to, how far that is trusted, and which numbers may be texted."""

from __future__ import annotations

from typing import Any

import pytest

from core.tests.sending.deployment import OTHER_USER, USER, Deploy, Deployment, a_call, a_tool, a_web_call
from midcall import Needs, Outcome, Reason, Sender, Status, hookimpl

TO_VARIABLE = {"type": "phone_number", "phone_number": "{{customer_phone}}"}
TRUSTS_COLLECTED = ["signalling", "configuration", "server", "collected"]
TRUSTS_THE_MODEL = ["signalling", "configuration", "server", "collected", "argument"]


def refused(outcome: Outcome, reason: Reason, running: Deployment) -> None:
    """It is a refusal with that reason and with words, and no carrier has heard of it."""
    assert (outcome.status, outcome.reason) == (Status.REJECTED, reason), outcome
    assert outcome.say
    assert outcome.detail
    assert running.carrier.sent == []


async def test_a_web_call_has_no_number(deployment: Deployment) -> None:
    """A browser call is refused with words of its own."""
    outcome = await deployment.send(a_web_call())
    refused(outcome, Reason.NO_CALLER_NUMBER, deployment)
    assert outcome.say == "I can't see a number to text you at on this call."


@pytest.mark.parametrize(
    "user", [None, "anonymous", "Restricted", "+266696687", "anonymous@anonymous.invalid"]
)
async def test_a_withheld_number(deployment: Deployment, user: str | None) -> None:
    """However a network writes it, a hidden number is no number."""
    refused(await deployment.send(a_call(user_number=user)), Reason.NUMBER_WITHHELD, deployment)


@pytest.mark.parametrize("user", ["not a number", "+1202", "911", "sip:ada@example.com"])
async def test_an_invalid_number(deployment: Deployment, user: str) -> None:
    """What cannot be a phone number is refused and not repeated in the outcome."""
    outcome = await deployment.send(a_call(user_number=user))
    refused(outcome, Reason.INVALID_DESTINATION, deployment)


@pytest.mark.parametrize("user", [None, "anonymous"])
async def test_a_static_number_needs_no_caller(deploy: Deploy, user: str | None) -> None:
    """With a destination of its own the tool works in calls whose caller is not to be seen."""
    running = await deploy(tool={"sms_destination": {"type": "phone_number", "phone_number": OTHER_USER}})
    assert (await running.send(a_call(user_number=user))).status is Status.ACCEPTED
    assert running.carrier.sent[0].destination == OTHER_USER


async def test_a_web_call_can_text_a_static_number(deploy: Deploy) -> None:
    """A browser call has no agent number either; a plugin that names a sender is all it takes."""

    class FrontDesk:
        @hookimpl
        async def midcall_resolve_sender(self, needs: Needs) -> list[Sender]:
            return [Sender(number="+12025550199", account="acme")]

    running = await deploy(
        tool={"sms_destination": {"type": "phone_number", "phone_number": OTHER_USER}, "countries": ["US"]},
        policies={"front-desk": FrontDesk()},
    )
    assert (await running.send(a_web_call())).status is Status.ACCEPTED
    assert (running.carrier.sent[0].sender, running.carrier.sent[0].destination) == (
        "+12025550199",
        OTHER_USER,
    )


async def test_a_number_as_people_dial_it_at_home(deploy: Deploy) -> None:
    """What a person wrote or said is read as in the country of the agent's number."""
    running = await deploy(tool={"trust": ["argument"]})
    await running.send(to="(202) 555-0142")
    assert running.carrier.sent[0].destination == USER


@pytest.mark.parametrize("number", ["2025550142", "12025550142", "442025550142"])
async def test_a_callers_number_that_lost_its_plus(deployment: Deployment, number: str) -> None:
    """It could be a national number or another country's: a guess would text a stranger."""
    refused(await deployment.send(a_call(user_number=number)), Reason.INVALID_DESTINATION, deployment)


# Trust -------------------------------------------------------------------------------------------------------------------


async def test_a_variable_of_the_server_is_trusted(deploy: Deploy) -> None:
    """The server that set up the call knows whom it called for."""
    running = await deploy(tool={"sms_destination": TO_VARIABLE})
    await running.send(a_call(variables={"name": "Ada", "customer_phone": OTHER_USER}))
    assert running.carrier.sent[0].destination == OTHER_USER


async def test_a_variable_collected_in_the_call_is_not(deploy: Deploy) -> None:
    """What a caller said may be anybody's number."""
    running = await deploy(tool={"sms_destination": TO_VARIABLE})
    outcome = await running.send(a_call(collected={"customer_phone": OTHER_USER}))
    refused(outcome, Reason.DESTINATION_NOT_TRUSTED, running)
    assert "collected" in outcome.detail
    assert OTHER_USER not in outcome.detail


async def test_one_untrusted_part_spoils_the_whole(deploy: Deploy) -> None:
    """A number put together from several variables is worth as much as the worst of them."""
    whole = {"type": "phone_number", "phone_number": "+1{{area}}{{line}}"}
    running = await deploy(tool={"sms_destination": whole})
    call = a_call(variables={"name": "Ada", "area": "202"}, collected={"line": "5550143"})
    refused(await running.send(call), Reason.DESTINATION_NOT_TRUSTED, running)


async def test_a_collected_variable_may_not_pose_as_the_servers(deploy: Deploy) -> None:
    """When both have the name the collected value wins the text, and is judged as collected."""
    running = await deploy(tool={"sms_destination": TO_VARIABLE})
    call = a_call(variables={"name": "Ada", "customer_phone": USER}, collected={"customer_phone": OTHER_USER})
    refused(await running.send(call), Reason.DESTINATION_NOT_TRUSTED, running)


async def test_collected_when_the_tool_trusts_it(deploy: Deploy) -> None:
    """A tool may trust what was collected, and then only inside its countries."""
    running = await deploy(tool={"sms_destination": TO_VARIABLE, "trust": TRUSTS_COLLECTED})
    call = a_call(collected={"customer_phone": "+18095550142"})
    refused(await running.send(call), Reason.COUNTRY_NOT_ALLOWED, running)
    call = a_call(collected={"customer_phone": OTHER_USER})
    assert (await running.send(call)).status is Status.ACCEPTED
    assert running.carrier.sent[0].destination == OTHER_USER


async def test_the_models_argument_is_not_trusted(deployment: Deployment) -> None:
    """A prompt can make a model name any number: `to` counts only where the tool says so."""
    outcome = await deployment.send(to=OTHER_USER)
    refused(outcome, Reason.DESTINATION_NOT_TRUSTED, deployment)


async def test_the_models_argument_when_the_tool_trusts_it(deploy: Deploy) -> None:
    """Then `to` wins over the tool's own destination, inside its countries and prefixes and nowhere else."""
    running = await deploy(tool={"trust": TRUSTS_THE_MODEL, "prefixes": ["+1202"]})
    refused(await running.send(to="+18095550142"), Reason.COUNTRY_NOT_ALLOWED, running)
    refused(await running.send(to="+12125550142"), Reason.PREFIX_NOT_ALLOWED, running)
    refused(await running.send(to="a friend"), Reason.INVALID_DESTINATION, running)
    assert (await running.send(to=OTHER_USER)).status is Status.ACCEPTED
    assert running.carrier.sent[0].destination == OTHER_USER


@pytest.mark.parametrize("nothing", [None, ""])
async def test_an_empty_argument_is_no_argument(deploy: Deploy, nothing: str | None) -> None:
    """Models like to fill in every field: null and "" leave the caller's number in place, whatever is trusted."""
    running = await deploy(tool={"trust": ["signalling", "argument"]})
    outcome = await running.send(to=nothing)
    if nothing is None:
        assert (outcome.status, running.carrier.sent[0].destination) == (Status.ACCEPTED, USER)
    else:
        refused(outcome, Reason.INVALID_ARGUMENTS, running)


async def test_signalling_can_be_distrusted(deploy: Deploy) -> None:
    """Caller ids can be forged; a tool may refuse even the caller's own number."""
    running = await deploy(tool={"trust": ["server"]})
    refused(await running.send(), Reason.DESTINATION_NOT_TRUSTED, running)


async def test_an_unresolved_destination(deploy: Deploy) -> None:
    """A placeholder without a value is named, and nothing is sent to what is left of it."""
    running = await deploy(tool={"sms_destination": TO_VARIABLE})
    outcome = await running.send()
    refused(outcome, Reason.UNRESOLVED_VARIABLE, running)
    assert "{{customer_phone}}" in outcome.detail
    assert "sms_destination.phone_number" in outcome.detail


# Countries, prefixes and ranges -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("+18095550142", Reason.COUNTRY_NOT_ALLOWED),  # Dominican Republic: +1, and another country
        ("+14165550142", Reason.COUNTRY_NOT_ALLOWED),  # Canada
        ("+88213300655", Reason.SATELLITE_NUMBER),
        ("+883510001234567", Reason.SATELLITE_NUMBER),
        ("+19005550142", Reason.PREMIUM_NUMBER),
        ("+18005550199", Reason.LANDLINE),
    ],
)
async def test_what_is_refused_by_default(deployment: Deployment, number: str, reason: Reason) -> None:
    """Without settings a tool texts its sender's own country, and none of the ranges fraud is made with."""
    refused(await deployment.send(a_call(user_number=number)), reason, deployment)


@pytest.mark.parametrize("number", ["+88213300655", "+19005550142"])
async def test_listing_a_country_does_not_open_the_ranges(deploy: Deploy, number: str) -> None:
    """Satellite and premium numbers need their prefix named; no country is enough."""
    running = await deploy(tool={"countries": ["US", "DO", "CA", "GB"]})
    outcome = await running.send(a_call(user_number=number))
    assert outcome.reason in {Reason.SATELLITE_NUMBER, Reason.PREMIUM_NUMBER}
    assert running.carrier.sent == []


async def test_countries_of_the_tool(deploy: Deploy) -> None:
    """Listed countries may be texted, and then the sender's own only if it is listed too."""
    running = await deploy(tool={"countries": ["CA"]})
    assert (await running.send(a_call(user_number="+14165550142"))).status is Status.ACCEPTED
    assert (await running.send(a_call(user_number=USER))).reason is Reason.COUNTRY_NOT_ALLOWED


async def test_home_is_where_the_sender_is(deployment: Deployment) -> None:
    """The default country is the sender's: a Canadian agent texts Canadians."""
    call = a_call(user_number="+14165550142", agent_number="+14165550100")
    assert (await deployment.send(call)).status is Status.ACCEPTED
    call = a_call(user_number=USER, agent_number="+14165550100")
    assert (await deployment.send(call)).reason is Reason.COUNTRY_NOT_ALLOWED


async def test_prefixes(deploy: Deploy) -> None:
    """With prefixes only what begins with one is texted."""
    running = await deploy(tool={"prefixes": ["+1202"]})
    refused(await running.send(a_call(user_number="+12125550142")), Reason.PREFIX_NOT_ALLOWED, running)
    assert (await running.send()).status is Status.ACCEPTED


@pytest.mark.parametrize("agent", ["+883510001234567", "AC-service-1", None])
async def test_an_agent_without_a_country(deployment: Deployment, agent: str | None) -> None:
    """An agent's number of no country, a service id, or none: a refusal, and never an exception."""
    outcome = await deployment.send(a_call(agent_number=agent))
    assert outcome.status is Status.REJECTED
    assert outcome.reason in {Reason.COUNTRY_NOT_ALLOWED, Reason.NO_SENDER}
    assert deployment.carrier.sent == []


# Arguments ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "arguments", "named"),
    [
        ({}, {"colour": "red"}, "colour"),
        ({}, {"message": "Hello"}, "message"),
        ({}, {"resend": True}, "resend"),
        ({"allow_resend": True}, {"resend": "yes"}, "resend"),
        ({"trust": TRUSTS_THE_MODEL}, {"to": 12025550143}, "to"),
    ],
)
async def test_arguments_that_do_not_fit(
    deploy: Deploy, changes: dict[str, Any], arguments: dict[str, Any], named: str
) -> None:
    """An argument the tool does not have, or of the wrong type, is a refusal that names it."""
    running = await deploy(tool=changes)
    outcome = await running.send(**arguments)
    refused(outcome, Reason.INVALID_ARGUMENTS, running)
    assert named in outcome.detail


async def test_a_tool_nobody_configured(deployment: Deployment) -> None:
    """The agent hears the usual apology, and the developer which tools there are."""
    outcome = await deployment.send(tool="send_invoice")
    refused(outcome, Reason.UNKNOWN_TOOL, deployment)
    assert "[tools.send_invoice]" in outcome.detail
    assert "send_link" in outcome.detail


async def test_the_words_of_an_unknown_tool_are_in_the_calls_language(deployment: Deployment) -> None:
    """There is no tool to ask for a language, but there is a call."""
    outcome = await deployment.send(a_call(language="de"), tool="send_invoice")
    assert outcome.say == "Es tut mir leid, ich konnte die SMS nicht senden."


async def test_a_tool_of_the_programs_own(deployment: Deployment) -> None:
    """A program may send with a tool that no settings name."""
    from midcall import Tool

    tool = Tool.model_validate({"name": "own", **a_tool()})
    assert (await deployment.send(tool=tool)).status is Status.ACCEPTED
