"""The host: what is loaded, what stops the start, what is only reported, and how it is opened and closed."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from midcall import Accepted, ConfigError, Draft, OutboundMessage, Sender, Verdict, hookimpl
from midcall.plugins import (
    Answer,
    Failure,
    FoundPlugin,
    HostConfiguration,
    PluginHost,
    PluginKind,
    PluginReport,
    PluginState,
    as_send_result,
)
from midcall.settings import RawTable

Install = Callable[..., Path]
HostOf = Callable[..., PluginHost]

GATE = "midcall_check_eligibility"

QUIET = """
    from midcall import Reason, Verdict, hookimpl

    @hookimpl
    def midcall_check_eligibility(draft):
        return Verdict.deny(detail="quiet")
"""


def line(host: PluginHost, name: str) -> PluginReport:
    """The report's line about one plugin."""
    (found,) = (report for report in host.report() if report.name == name)
    return found


def problems_of(host: PluginHost) -> str:
    """What stops the start."""
    with pytest.raises(ConfigError) as caught:
        host.load()
    return "\n".join(caught.value.problems)


def accounts(**tables: Mapping[str, Any]) -> HostConfiguration:
    """A configuration with these accounts."""
    return HostConfiguration(accounts=tables)


def message(account: str) -> OutboundMessage:
    """A text as a carrier is handed it."""
    return OutboundMessage(
        id="m-1", attempt=1, account=account, sender="+12025550100", destination="+12025550142", text="Hi"
    )


@pytest.mark.usefixtures("acme")
async def test_one_carrier_per_account_each_with_its_own_settings(host_of: HostOf) -> None:
    """An account is of the carrier it names, or of the one it is named like; only its own adapter sends for it."""
    host = host_of(accounts(acme={"api_key": "k1"}, eu={"carrier": "acme", "api_key": "k2"}))
    host.load()
    assert {name: carrier.config.api_key.get_secret_value() for name, carrier in host.carriers.items()} == {
        "acme": "k1",
        "eu": "k2",
    }
    assert (host.plugin_of("acme"), host.plugin_of("eu")) == ("acme", "acme (account eu)")
    assert {account: adapter.name for account, adapter in host.adapters.items()} == {
        "acme": "acme",
        "eu": "acme (account eu)",
    }
    assert host.plugin_of("gone") not in host.order()["midcall_send_message"]
    for account in ("acme", "eu"):
        answer = await host.dispatch.only(
            "midcall_send_message", host.plugin_of(account), deadline_s=5, message=message(account)
        )
        assert as_send_result(answer) == Accepted(f"{account}:Hi")
    report = line(host, "acme")
    assert (report.kind, report.state, report.instances) == (
        PluginKind.CARRIER,
        PluginState.READY,
        ("acme", "eu"),
    )
    assert (report.distribution, report.version) == ("test-acme", "2.1")
    assert report.hooks == ("midcall_resolve_sender", GATE, "midcall_send_message")
    await host.aclose()


@pytest.mark.usefixtures("acme")
async def test_an_installed_carrier_that_no_setting_names_is_not_imported(host_of: HostOf) -> None:
    """Installing costs nothing; the report says why it is idle."""
    host = host_of()
    host.load()
    assert "acme_hosted" not in sys.modules
    assert line(host, "acme").state is PluginState.NOT_CONFIGURED
    assert line(host, "acme").kind is PluginKind.UNKNOWN
    await host.aclose()


async def test_a_policy_module_is_loaded_because_it_is_installed(
    host_of: HostOf, install: Install, draft: Draft
) -> None:
    """A consent check that somebody installed is asked, settings or none."""
    install("test-quiet", {"quiet": "quiet_hosted"}, modules={"quiet_hosted": QUIET})
    host = host_of()
    host.load()
    (answer,) = await host.dispatch.everyone(GATE, deadline_s=5, draft=draft)
    assert isinstance(answer, Answer)
    assert (answer.plugin, answer.value.allowed) == ("quiet", False)
    assert line(host, "quiet").hooks == (GATE,)
    await host.aclose()


async def test_cores_own_plugin_named_as_switched_off_is_one_line() -> None:
    """It goes on being asked, and its own line in the report says that it cannot be switched off."""

    class Rules:
        @hookimpl
        async def midcall_check_eligibility(self) -> Verdict:
            return Verdict.allow()

    host = PluginHost(
        HostConfiguration(only=frozenset(), disabled=frozenset({"rules"})), builtins=[("rules", Rules())]
    )
    host.load()
    rules = line(host, "rules")
    assert (rules.kind, rules.state, rules.hooks) == (PluginKind.BUILTIN, PluginState.READY, (GATE,))
    assert "is core's own and cannot be switched off" in rules.problem
    await host.aclose()


@pytest.mark.parametrize(
    "configuration",
    [
        HostConfiguration(required=("quiet",)),
        HostConfiguration(plugins={"quiet": {}}),
    ],
)
@pytest.mark.parametrize("source", ["import nothing_of_this_name", "import sys; sys.exit()", "answer = 42"])
def test_a_chosen_policy_that_cannot_load_stops_the_start(
    host_of: HostOf, install: Install, configuration: HostConfiguration, source: str
) -> None:
    """A missing consent check must not fail open."""
    install("test-quiet", {"quiet": "quiet_hosted"}, modules={"quiet_hosted": source})
    host = host_of(configuration)
    assert "plugin 'quiet' (test-quiet 1.0)" in problems_of(host)
    assert line(host, "quiet").state is PluginState.BROKEN


def test_a_broken_policy_that_nobody_chose_is_a_report(
    host_of: HostOf, install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    """The start goes on, the log and the report say so, and the plugin beside it works."""
    install(
        "test-both",
        {"quiet": "quiet_hosted", "rest": "rest_broken"},
        modules={"quiet_hosted": QUIET, "rest_broken": "1/0"},
    )
    host = host_of()
    host.load()
    broken = line(host, "rest")
    assert (broken.state, broken.hooks) == (PluginState.BROKEN, ())
    assert "ZeroDivisionError" in broken.problem
    assert "plugin 'rest'" in caplog.text
    assert line(host, "quiet").state is PluginState.READY


@pytest.mark.parametrize(
    ("configuration", "says"),
    [
        (
            accounts(acne={}),
            ("[accounts.acne] names the carrier 'acne', which is not installed. Did you mean 'acme'? "
            "Install midcall-acne: pip install midcall-acne"),
        ),
        (
            accounts(eu={"carrier": "telnyx"}),
            ("[accounts.eu] names the carrier 'telnyx', which is not installed. "
            "Install midcall-telnyx: pip install midcall-telnyx"),
        ),
        (HostConfiguration(platforms={"retell": {}}), "Install midcall-retell: pip install midcall-retell"),
        (HostConfiguration(required=("consent",)), "required_plugins names the plugin 'consent', which is not installed."),
        (HostConfiguration(plugins={"consent": {}}), "[plugins.consent] names the policy 'consent', which is not installed."),
        (HostConfiguration(required=("acme",)), "names the carrier 'acme', which no table sets up. Add [accounts.acme]."),
        (HostConfiguration(order=("acne",)), "order names 'acne', which is not installed. Did you mean 'acme'?"),
        (HostConfiguration(platforms={"acme": {}}), "'acme', which is a carrier, not a platform. Its settings belong under [accounts.acme]."),
        (HostConfiguration(plugins={"acme": {}}), "Its settings belong under [accounts.acme]."),
        (accounts(acme={}), "[accounts.acme] api_key is missing. Set it there, or in the environment as MIDCALL_ACCOUNTS__ACME__API_KEY."),
        (accounts(acme={"api_key": "k", "api_kee": "k"}), "[accounts.acme] has no key api_kee."),
        (accounts(acme={"api_key": "k", "unchecked_sender": "no"}), "[accounts.acme] unchecked_sender is 'no'."),
        (HostConfiguration(required=("acme",), disabled=("acme",)), "MIDCALL_DISABLE names 'acme'"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("acme")
def test_a_wrong_setting_is_said_with_the_fix(
    host_of: HostOf, configuration: HostConfiguration, says: str
) -> None:
    """Where, what, and what to do."""
    assert says in problems_of(host_of(configuration))


@pytest.mark.usefixtures("acme")
def test_all_problems_are_said_at_once(host_of: HostOf) -> None:
    """Nobody has to start five times to read five sentences; what can be loaded is."""
    host = host_of(
        HostConfiguration(
            accounts={"acme": {"api_key": "k"}, "eu": {"carrier": "acme"}, "us": {"carrier": "telnyx"}},
            required=("consent",),
        )
    )
    said = problems_of(host)
    assert all(words in said for words in ("[accounts.eu] api_key is missing", "telnyx", "consent"))
    assert list(host.carriers) == ["acme"]
    assert line(host, "acme").state is PluginState.BROKEN


@pytest.mark.usefixtures("acme")
def test_secrets_are_not_in_what_is_said(host_of: HostOf) -> None:
    """The value that does not fit may be the secret."""
    said = problems_of(host_of(accounts(acme={"api_key": ["hunter2"]})))
    assert "[accounts.acme] api_key" in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("requires", "second"), [(("midcall>=99",), None), ((), "test-other")], ids=["wrong bound", "collision"]
)
def test_a_refused_plugin_is_not_imported_and_stops_the_start_if_chosen(
    host_of: HostOf, install: Install, requires: tuple[str, ...], second: str | None
) -> None:
    """A plugin for another midcall and a name claimed twice: a line when nobody chose it, the end when somebody did."""
    install("test-quiet", {"quiet": "quiet_hosted"}, requires=requires, modules={"quiet_hosted": QUIET})
    if second:
        install(second, {"quiet": "quiet_other"}, modules={"quiet_other": QUIET})
    host = host_of()
    host.load()
    lines = [report for report in host.report() if report.name == "quiet"]
    assert {report.state for report in lines} == {PluginState.REFUSED}
    assert "required_plugins needs the plugin 'quiet':" in problems_of(
        host_of(HostConfiguration(required=("quiet",)))
    )
    assert "quiet_hosted" not in sys.modules


@pytest.mark.usefixtures("acme")
def test_a_disabled_plugin_is_neither_imported_nor_missed(host_of: HostOf, install: Install) -> None:
    """Switching off an account's carrier or a configured policy is what the variable is for."""
    install("test-quiet", {"quiet": "quiet_hosted"}, modules={"quiet_hosted": QUIET})
    host = host_of(
        HostConfiguration(
            accounts={"acme": {"api_key": "k"}}, plugins={"quiet": {}}, disabled=("acme", "quiet")
        )
    )
    host.load()
    assert dict(host.carriers) == {}
    assert {line(host, name).state for name in ("acme", "quiet")} == {PluginState.DISABLED}
    assert not {"acme_hosted", "quiet_hosted"} & set(sys.modules)


def test_policies_get_their_settings(host_of: HostOf, install: Install) -> None:
    """A class is made with them, a module's configure is called with them, and unknown keys are refused."""
    source = """
        from midcall import hookimpl
        from pydantic import BaseModel, ConfigDict

        class settings(BaseModel):
            model_config = ConfigDict(extra="forbid")
            start: str = "21:00"

        given = []

        def configure(config):
            given.append(config)

        @hookimpl
        def midcall_check_eligibility(draft): ...

        class Quiet:
            settings = settings
            def __init__(self, config):
                given.append(config)
            @hookimpl
            def midcall_check_eligibility(self, draft): ...
    """
    install(
        "test-quiet",
        {"quiet": "quiet_hosted", "quiet2": "quiet_hosted:Quiet"},
        modules={"quiet_hosted": source},
    )
    host_of(HostConfiguration(plugins={"quiet": {"start": "20:00"}, "quiet2": {}})).load()
    assert [config.start for config in sys.modules["quiet_hosted"].given] == ["20:00", "21:00"]
    said = problems_of(host_of(HostConfiguration(plugins={"quiet": {"strat": "20:00"}})))
    assert "[plugins.quiet] has no key strat. Its keys are: start." in said


@pytest.mark.parametrize("where", ["validator", "configure"])
def test_a_plugin_that_raises_over_its_settings_is_named(
    install: Install, host_of: HostOf, where: str
) -> None:
    """Its own code runs while its settings are read; what that raises stops the start with its name, not with a traceback."""
    source = f"""
        from midcall import hookimpl
        from pydantic import BaseModel, field_validator

        class settings(BaseModel):
            start: str = "21:00"

            @field_validator("start")
            @classmethod
            def check(cls, value):
                return value if {where != "validator"} else {{}}["zone"]

        def configure(config):
            raise KeyError("zone")

        @hookimpl
        def midcall_check_eligibility(draft): ...
    """
    install("test-quiet", {"quiet": "quiet_hosted"}, modules={"quiet_hosted": source})
    said = problems_of(host_of(HostConfiguration(plugins={"quiet": {"start": "20:00"}})))
    assert (
        "plugin 'quiet' (test-quiet 1.0) does not take its settings at [plugins.quiet]: KeyError: 'zone'"
        in said
    )


def test_settings_for_a_policy_that_takes_none_are_refused(host_of: HostOf, install: Install) -> None:
    """A setting that nobody reads is a rule somebody believes in."""
    install("test-quiet", {"quiet": "quiet_hosted"}, modules={"quiet_hosted": QUIET})
    said = problems_of(host_of(HostConfiguration(plugins={"quiet": {"start": "21:00"}})))
    assert "[plugins.quiet] has settings (start), and the plugin 'quiet' takes none." in said


@pytest.mark.usefixtures("acme")
def test_validate_is_told_where_the_settings_stand(host_of: HostOf) -> None:
    """Table, prefix of variables, and the customary ones only for the account named like its carrier; origins are kept."""
    calls: list[tuple[Any, ...]] = []

    def validate(
        model: type[BaseModel],
        values: Mapping[str, Any],
        where: str,
        prefix: str,
        customary: Mapping[str, str],
    ) -> BaseModel:
        calls.append((dict(values), type(values), where, prefix, dict(customary)))
        return model.model_validate(dict(values))

    host_of(
        HostConfiguration(
            accounts={
                "acme": {"api_key": "k"},
                "my-eu": RawTable({"carrier": "acme", "api_key": "k", "unchecked_sender": "deny"}),
            },
            validate=validate,
        )
    ).load()
    assert calls == [
        ({"api_key": "k"}, dict, "[accounts.acme]", "MIDCALL_ACCOUNTS__ACME__", {"api_key": "ACME_KEY"}),
        ({"api_key": "k"}, RawTable, "[accounts.my-eu]", "MIDCALL_ACCOUNTS__MY_EU__", {}),
    ]


def test_two_names_for_one_policy_are_a_problem_and_not_a_crash(host_of: HostOf, install: Install) -> None:
    """pluggy registers an object once; the second name is told so."""
    install(
        "test-quiet", {"quiet": "quiet_hosted", "quieter": "quiet_hosted"}, modules={"quiet_hosted": QUIET}
    )
    host = host_of()
    host.load()
    assert line(host, "quiet").state is PluginState.READY
    assert "plugin 'quieter' cannot be registered" in line(host, "quieter").problem


@pytest.mark.usefixtures("acme")
async def test_order_covers_core_policies_and_all_accounts_of_a_carrier(
    host_of: HostOf, install: Install
) -> None:
    """The whole order is printed; a carrier's name in `order` stands for its accounts."""

    class Rules:
        @hookimpl
        def midcall_check_eligibility(self, draft: Draft) -> Verdict:
            return Verdict.allow()

    install("test-quiet", {"quiet": "quiet_hosted"}, modules={"quiet_hosted": QUIET})
    tables = {"acme": {"api_key": "k"}, "eu": {"carrier": "acme", "api_key": "k"}}
    host = host_of(HostConfiguration(accounts=tables, order=("quiet", "acme")), builtins=[("aaa", Rules())])
    host.load()
    assert host.order()[GATE] == ("quiet", "acme", "acme (account eu)", "aaa")
    assert line(host, "aaa").kind is PluginKind.BUILTIN
    assert line(host, "aaa").hooks == (GATE,)
    await host.aclose()


async def test_cores_own_plugins_run_on_the_event_loop(draft: Draft) -> None:
    """They are told apart by having been given to the host, and named as midcall's when they fail."""
    where: list[threading.Thread] = []

    class Rules:
        @hookimpl
        def midcall_check_eligibility(self) -> Verdict:
            where.append(threading.current_thread())
            raise ValueError

    host = PluginHost(HostConfiguration(), builtins=[("rules", Rules())], found=())
    host.load()
    (failure,) = await host.dispatch.everyone(GATE, deadline_s=5, draft=draft)
    assert where == [threading.main_thread()]
    assert isinstance(failure, Failure)
    assert failure.distribution == "midcall"
    await host.aclose()


@pytest.mark.usefixtures("acme")
async def test_the_account_that_owns_the_number_is_found(host_of: HostOf, draft: Draft) -> None:
    """With several accounts the one whose carrier says it owns the agent's number offers it; with one, none is asked."""
    kwargs: dict[str, Any] = {"call": draft.call, "tool": draft.tool, "destination": draft.destination}
    from midcall import Needs

    both = host_of(accounts(acme={"api_key": "k"}, eu={"carrier": "acme", "api_key": "k"}))
    both.load()
    await both.prime("+12025550100")
    events = sys.modules["acme_hosted"].Acme.events
    assert sorted(events) == [("check", "acme"), ("check", "eu")]
    answer = await both.dispatch.first_in_order(
        "midcall_resolve_sender", deadline_s=5, needs=Needs(), **kwargs
    )
    assert answer == Answer("acme (account eu)", (Sender(number="+12025550100", account="eu"),))
    assert len(events) == 2
    one = host_of(accounts(eu={"carrier": "acme", "api_key": "k"}))
    one.load()
    assert (
        await one.dispatch.first_in_order("midcall_resolve_sender", deadline_s=5, needs=Needs(), **kwargs)
        is None
    )
    await both.aclose()
    await one.aclose()


def test_a_host_loads_once() -> None:
    """Before it there is nothing to ask, and a second time would import nothing new."""
    host = PluginHost(HostConfiguration(), found=())
    with pytest.raises(RuntimeError, match="load"):
        _ = host.dispatch
    host.load()
    with pytest.raises(RuntimeError, match="make a new host"):
        host.load()


def test_found_plugins_may_be_given(install: Install) -> None:
    """For embedding and for tests: what to choose from need not be what is installed."""
    install("test-quiet", {}, modules={"quiet_hosted": QUIET})
    host = PluginHost(HostConfiguration(), found=[FoundPlugin(name="mine", value="quiet_hosted")])
    host.load()
    assert host.order()[GATE] == ("mine",)
