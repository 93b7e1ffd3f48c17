"""Variables: which setting each means, and what is said about those that mean none."""

from __future__ import annotations

from pathlib import Path

import pytest

from midcall import ConfigError
from midcall.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(text: str, **environ: str) -> Settings:
    """Settings from this file and these variables."""
    Path("midcall.toml").write_text(text, encoding="utf-8")
    return load_settings(environ=environ)


def refusal(text: str, **environ: str) -> str:
    """What is said about these variables."""
    with pytest.raises(ConfigError) as caught:
        load(text, **environ)
    assert "s3cr3t" not in str(caught.value)
    return str(caught.value)


def test_names_with_dashes_are_found() -> None:
    """`-` in a name is `_` in a variable: the table that is there is meant, not a new one."""
    settings = load(
        '[accounts.my-eu]\ncarrier = "twilio"\n[plugins.quiet-hours]\nstart-at = "20:00"',
        MIDCALL_ACCOUNTS__MY_EU__AUTH_TOKEN="t",
        MIDCALL_PLUGINS__QUIET_HOURS__START_AT="21:00",
    )
    assert dict(settings.accounts["my-eu"]) == {"carrier": "twilio", "auth_token": "t"}
    assert list(settings.accounts) == ["my-eu"]
    assert dict(settings.plugins["quiet-hours"]) == {"start-at": "21:00"}


def test_names_of_plugins_are_known() -> None:
    """A table nobody wrote down gets the plugin's own name, when that is known from a list or from what is installed."""
    settings = load('required_plugins = ["quiet-hours"]', MIDCALL_PLUGINS__QUIET_HOURS__START="21:00")
    assert list(settings.plugins) == ["quiet-hours"]
    environ = {"MIDCALL_ACCOUNTS__RETELL_POOL__API_KEY": "k", "MIDCALL_PLUGINS__DO_NOT_CALL__LIST": "x"}
    settings = load_settings(environ=environ, plugin_names=["retell-pool"])
    assert list(settings.accounts) == ["retell-pool"]
    assert settings.plugin_table("do-not-call")["list"] == "x"
    assert dict(settings.plugin_table("other")) == {}


def test_case_does_not_count() -> None:
    """Variables are found whatever their case."""
    settings = load("[accounts.EU]", midcall_accounts__eu__token="1", Midcall_Server__Port="81")
    assert dict(settings.accounts["EU"]) == {"token": "1"}
    assert settings.server.port == 81


def test_an_account_by_variables_alone() -> None:
    """No file is needed to have an account, a pool, a number, a template or a tool."""
    environ = {
        "MIDCALL_ACCOUNTS__EU__CARRIER": "twilio",
        "MIDCALL_ACCOUNTS__EU__AUTH_TOKEN": "12345",
        "MIDCALL_ACCOUNTS__EU__RETRY__LIMIT": "3",
        "MIDCALL_POOLS__DESK__NUMBERS": "+12025550101, +12025550102",
        "MIDCALL_NUMBERS__12025550100__ACCOUNT": "eu",
        "MIDCALL_NUMBERS__12025550100__FALLBACK": '["pool:desk"]',
        "MIDCALL_TEMPLATES__WELCOME": "[Hi]",
        "MIDCALL_TOOLS__SEND_SMS__SMS_CONTENT": '{"type": "predefined", "text": "Hi"}',
        "MIDCALL_TOOLS__SEND_SMS__COUNTRIES": "US,CA",
        "MIDCALL_TOOLS__SEND_SMS__SPEAK_AFTER_EXECUTION": "false",
    }
    settings = load_settings(environ=environ)
    account = {"carrier": "twilio", "auth_token": "12345", "retry": {"limit": "3"}}
    assert settings.accounts["eu"].plain() == account
    assert settings.pools["desk"].numbers == ("+12025550101", "+12025550102")
    assert settings.numbers["+12025550100"].fallback == ("pool:desk",)
    assert dict(settings.templates) == {"welcome": "[Hi]"}
    assert settings.tools["send_sms"].countries == ("US", "CA")
    assert settings.tools["send_sms"].speak_after_execution is False


def test_tokens_stay_text() -> None:
    """A secret of digits, or one that looks like JSON, is the text it is."""
    environ = {"MIDCALL_SERVER__TOKEN": "[1]", "MIDCALL_ACCOUNTS__EU__TOKEN": "true"}
    settings = load_settings(environ=environ)
    assert settings.server.token is not None
    assert settings.server.token.get_secret_value() == "[1]"
    assert settings.accounts["eu"]["token"] == "true"


def test_empty_variables_are_unset() -> None:
    """What a compose file makes of an unset variable does not override anything."""
    settings = load("[server]\nport = 81", MIDCALL_SERVER__PORT="", MIDCALL_CONFIG="", MIDCALL_NONSENSE="")
    assert settings.server.port == 81


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        ("MIDCALL_SERVER_TOKEN", "there is no such setting. Did you mean MIDCALL_SERVER__TOKEN?"),
        ("MIDCALL_SERVER__TOKN", "[server] has no key tokn. Did you mean MIDCALL_SERVER__TOKEN?"),
        ("MIDCALL_PORT", "there is no such setting. Did you mean MIDCALL_SERVER__PORT?"),
        ("MIDCALL_SERVER__", "[server] has no key"),
        ("MIDCALL_PLUGIN", "there is no such setting. Did you mean MIDCALL_PLUGINS?"),
        ("MIDCALL_CONFG", "there is no such setting. Did you mean MIDCALL_CONFIG?"),
        ("MIDCALL_ACOUNTS__EU__AUTH_TOKEN", "Did you mean MIDCALL_ACCOUNTS__EU__AUTH_TOKEN?"),
        ("MIDCALL_ACCOUNTS_TWILIO_AUTH_TOKEN", "Did you mean MIDCALL_ACCOUNTS__TWILIO__AUTH_TOKEN?"),
        (
            "MIDCALL_ACCOUNTS",
            "it names a whole table. Its keys are set one by one: MIDCALL_ACCOUNTS__NAME__KEY.",
        ),
        ("MIDCALL_ACCOUNTS__TWILIO", "it names a whole table."),
        ("MIDCALL_ACCOUNTS__TWILIO____X", "it names a whole table."),
        ("MIDCALL_TEMPLATES", "[templates] is set text by text: MIDCALL_TEMPLATES__NAME."),
        ("MIDCALL_ORDER__X", "`order` has nothing inside. Did you mean MIDCALL_ORDER?"),
        ("MIDCALL_POOLS__A__NUMBRS", "[pools.a] has no key numbrs. Did you mean MIDCALL_POOLS__A__NUMBERS?"),
        (
            "MIDCALL_TOOLS__X__BUDGT_MS",
            "[tools.x] has no key budgt_ms. Did you mean MIDCALL_TOOLS__X__BUDGET_MS?",
        ),
        (
            "MIDCALL_NUMBERS__12025550100__ACOUNT",
            (
                'MIDCALL_NUMBERS__1202•••0100__ACOUNT: [numbers."+1202•••0100"] has no key acount. '
                "Did you mean MIDCALL_NUMBERS__1202•••0100__ACCOUNT?"
            ),
        ),
        (
            "MIDCALL_ACCOUNTS__TWILLIO__AUTH_TOKEN",
            (
                "there is no [accounts.twillio]. Did you mean MIDCALL_ACCOUNTS__TWILIO__AUTH_TOKEN? If it is another, set "
                "MIDCALL_ACCOUNTS__TWILLIO__CARRIER too."
            ),
        ),
        (
            "MIDCALL_PLUGINS__QUIET_HOUR__START",
            (
                "there is no [plugins.quiet_hour]. Did you mean MIDCALL_PLUGINS__QUIET_HOURS__START? If it is another, write "
                "[plugins.quiet_hour] in the settings file."
            ),
        ),
        ("MIDCALL_XYZZY", "there is no such setting. Correct its name, or unset it."),
        ("MIDCALL_", "there is no such setting."),
    ],
)
def test_variables_that_mean_nothing(variable: str, words: str) -> None:
    """A variable that sets nothing is a mistake, and what was probably meant is named."""
    text = '[accounts.twilio]\nauth_token = "x"\n[plugins.quiet-hours]\nstart = "21:00"'
    said = refusal(text, **{variable: "s3cr3t"})
    assert words in said
    assert said.startswith(variable.replace("12025550100", "1202•••0100"))


def test_another_account_of_a_near_name() -> None:
    """Two accounts may have names that are alike, when the variables say of which carrier the new one is."""
    environ = {"MIDCALL_ACCOUNTS__TWILIO2__CARRIER": "twilio", "MIDCALL_ACCOUNTS__TWILIO2__AUTH_TOKEN": "x"}
    assert list(load("[accounts.twilio]", **environ).accounts) == ["twilio", "twilio2"]


def test_names_that_variables_cannot_tell_apart() -> None:
    """Two names that are one in a variable: neither is guessed at."""
    said = refusal("[accounts.my-eu]\n[accounts.my_eu]", MIDCALL_ACCOUNTS__MY_EU__AUTH_TOKEN="s3cr3t")
    assert "it could mean my-eu and my_eu of accounts, alike in a variable. Rename one of them." in said


def test_one_setting_twice() -> None:
    """Two variables for one setting: neither wins in silence."""
    said = refusal("", MIDCALL_SERVER__TOKEN="s3cr3t", midcall_server__token="s3cr3t2")
    assert "midcall_server__token: it means the same as MIDCALL_SERVER__TOKEN. Unset one of the two." in said
    said = refusal("", MIDCALL_PLUGINS__X__A="1", MIDCALL_PLUGINS__X__A__B="2")
    assert "MIDCALL_PLUGINS__X__A__B: another of its kind sets [plugins.x] a as a whole. Unset one." in said


def test_a_value_that_is_wrong() -> None:
    """The variable is named first, then where it could stand instead."""
    said = refusal(
        "", MIDCALL_SERVER__PORT="abc", MIDCALL_POOLS__A__NUMBERS="+12025550101,x", MIDCALL_ORDER='["a", b]'
    )
    assert (
        'MIDCALL_SERVER__PORT: [server] port is "abc": it must be a whole number. Change it, or unset it and write port '
        "under [server] in midcall.toml."
    ) in said
    assert (
        'MIDCALL_POOLS__A__NUMBERS: [pools.a] numbers (entry 2) is "x": a phone number is written with +'
        in said
    )
    assert 'MIDCALL_ORDER: order is "["a", b]": it must be a list.' in said


def test_a_tool_in_a_file_is_changed_in_the_file() -> None:
    """A variable cannot reach into a JSON file, and says so instead of replacing the tool."""
    said = refusal('[tools]\nsend_sms = "send_sms.json"', MIDCALL_TOOLS__SEND_SMS__BUDGET_MS="900")
    assert "MIDCALL_TOOLS__SEND_SMS__BUDGET_MS: [tools.send_sms] is the path of a JSON file." in said


def test_a_tools_mistake_names_the_variable() -> None:
    """A tool that a variable changed is reported with that variable."""
    text = '[tools.send_sms]\nsms_content = { type = "predefined", text = "Hi" }'
    said = refusal(text, MIDCALL_TOOLS__SEND_SMS__BUDGET_MS="5")
    assert said.startswith(
        "midcall.toml: [tools.send_sms] (with MIDCALL_TOOLS__SEND_SMS__BUDGET_MS): budget_ms"
    )
