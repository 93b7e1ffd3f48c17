"""A plugin's table, checked by the plugin's own class."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from midcall import CarrierSettings, ConfigError
from midcall.settings import RawTable, load_settings, validate

CUSTOMARY = {"account_sid": "TWILIO_ACCOUNT_SID", "auth_token": "TWILIO_AUTH_TOKEN"}


class Retry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: int = 3
    hosts: list[str] = []


class TwilioSettings(CarrierSettings):
    account_sid: str
    auth_token: SecretStr
    regions: tuple[str, ...] = ()
    mode: Literal["live", "test"] = "live"
    retry: Retry = Retry()


def check(
    raw: dict[str, Any] | RawTable,
    *,
    where: str = "accounts.twilio",
    file: Path | None = Path("midcall.toml"),
    environ: dict[str, str] | None = None,
    use_customary: bool = True,
    model: type[BaseModel] = TwilioSettings,
) -> Any:
    """The table, checked as the account `twilio`."""
    return validate(
        model,
        raw,
        where=where,
        file=file,
        environ=environ or {},
        customary=CUSTOMARY,
        use_customary=use_customary,
    )


def problems(raw: dict[str, Any] | RawTable, **arguments: Any) -> tuple[str, ...]:
    """What is said about the table."""
    with pytest.raises(ConfigError) as caught:
        check(raw, **arguments)
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.__context__ is None
    return caught.value.problems


def test_a_right_table() -> None:
    """The key that names the carrier is not the carrier's; everything else is."""
    config = check({"carrier": "twilio", "account_sid": "AC1", "auth_token": "s3cr3t", "retry": {"limit": 5}})
    assert config.auth_token.get_secret_value() == "s3cr3t"
    assert (config.timeout, config.retry.limit) == (8.0, 5)


def test_customary_variables_fill_what_is_missing() -> None:
    """They count for the account named like the carrier, and are weaker than everything else."""
    environ = {"TWILIO_ACCOUNT_SID": "AC-env", "TWILIO_AUTH_TOKEN": "s3cr3t-env"}
    config = check({"auth_token": "s3cr3t-file"}, environ=environ)
    assert (config.account_sid, config.auth_token.get_secret_value()) == ("AC-env", "s3cr3t-file")
    assert len(problems({}, environ=environ, use_customary=False, where="accounts.eu")) == 2


def test_a_missing_key_names_every_way_to_set_it() -> None:
    """File, table, key, Midcall's variable and the customary one."""
    assert problems({"account_sid": "AC1"}) == (
        (
            "midcall.toml: [accounts.twilio] needs auth_token: set it there, or MIDCALL_ACCOUNTS__TWILIO__AUTH_TOKEN, or "
            "TWILIO_AUTH_TOKEN."
        ),
    )
    assert problems({"account_sid": "AC1"}, file=None, where="accounts.my-eu", use_customary=False) == (
        "[accounts.my-eu] needs auth_token: set it in midcall.toml, or MIDCALL_ACCOUNTS__MY_EU__AUTH_TOKEN.",
    )


@pytest.mark.parametrize(
    ("environ", "use_customary", "hint"),
    [
        ({"TWILIO_AUTH_TOKN": "s3cr3t"}, True, "(TWILIO_AUTH_TOKN is set; is it misspelt?)"),
        (
            {"MIDCAL_ACCOUNTS__TWILIO__AUTH_TOKEN": "s3cr3t"},
            True,
            "(MIDCAL_ACCOUNTS__TWILIO__AUTH_TOKEN is set;",
        ),
        ({"TWILIO_AUTH_TOKEN": ""}, True, "(TWILIO_AUTH_TOKEN is set but empty.)"),
        (
            {"TWILIO_AUTH_TOKEN": "s3cr3t"},
            False,
            "(TWILIO_AUTH_TOKEN is set, but counts only for the table named like its plugin.)",
        ),
    ],
)
def test_a_missing_key_and_what_the_environment_suggests(
    environ: dict[str, str], use_customary: bool, hint: str
) -> None:
    """A variable that was nearly right is pointed at; its value is not shown."""
    assert hint in problems({"account_sid": "AC1"}, environ=environ, use_customary=use_customary)[0]


@pytest.mark.parametrize(
    "name", ["TWILIO_ACCOUNT_SID", "MIDCALL_ACCOUNTS__TWILIA__AUTH_TOKEN", "HOME", "TWILIO_AUTH_TOKN"]
)
def test_no_hint_without_reason(name: str) -> None:
    """Variables that are right, belong to others, or are empty are not called misspelt."""
    value = "" if name == "TWILIO_AUTH_TOKN" else "s3cr3t"
    assert "misspelt" not in problems({"account_sid": "AC1"}, environ={name: value})[0]


RIGHT = {"account_sid": "AC1", "auth_token": "s3cr3t"}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            {"auth_tokn": "s3cr3t"},
            "midcall.toml: [accounts.twilio] has no key auth_tokn. Did you mean auth_token?",
        ),
        (
            {"zzz": "s3cr3t"},
            "midcall.toml: [accounts.twilio] has no key zzz. It knows: base_url, timeout, account_sid",
        ),
        (
            {"timeout": "soon"},
            (
                'midcall.toml: [accounts.twilio] timeout is "soon": it must be a number. Change it there, or set '
                "MIDCALL_ACCOUNTS__TWILIO__TIMEOUT."
            ),
        ),
        ({"timeout": 99}, "[accounts.twilio] timeout is 99: it must be less than or equal to 15."),
        ({"auth_token": 12345}, "midcall.toml: [accounts.twilio] auth_token: it must be text in quotes."),
        ({"mode": "liv"}, "[accounts.twilio] mode is \"liv\": it must be 'live' or 'test'."),
        ({"regions": {"s3cr3t": "s3cr3t"}}, "[accounts.twilio] regions is a table: it must be a list."),
        (
            {"retry": {"limt": 3}},
            "midcall.toml: [accounts.twilio] has no key retry.limt. Did you mean limit?",
        ),
        (
            {"retry": {"limit": "x"}},
            (
                '[accounts.twilio] retry.limit is "x": it must be a whole number. Change it there, or set '
                "MIDCALL_ACCOUNTS__TWILIO__RETRY__LIMIT."
            ),
        ),
        ({"timeout": "SKs3cr3t0123456789abcdef0123456789"}, 'timeout is "SKs3…"'),
        ({"timeout": "+12025550100"}, 'timeout is "+1202•••0100"'),
        ({"timeout": "http://me:s3cr3t@proxy"}, 'timeout is "http://•••@proxy"'),
        ({"timeout": "x y " * 50}, 'timeout is "x y x y'),
        ({"timeout": "a\nb"}, "timeout is 'a\\nb'"),
        ({"timeout": 16**9000}, "timeout is a very long number"),
    ],
)
def test_one_mistake_one_sentence(wrong: dict[str, Any], sentence: str) -> None:
    """Each says where and what to do, and repeats no value that may be secret."""
    said = problems({**RIGHT, **wrong})
    assert len(said) == 1
    assert sentence in said[0]
    assert "\n" not in said[0]
    assert len(said[0]) < 300


def test_a_plugins_own_words_do_not_tell_secrets() -> None:
    """A validator that repeats a secret in its message is kept from it, in fields and in the whole table."""

    class Careless(CarrierSettings):
        auth_token: str
        signing: SecretStr = SecretStr("")

        @field_validator("auth_token")
        @classmethod
        def _field(cls, value: str) -> str:
            if value == "s3cr3t-1":
                raise ValueError(f"{value!r} is too short")
            return value

        @model_validator(mode="after")
        def _table(self) -> Careless:
            raise ValueError(f"{self.auth_token} and {self.signing.get_secret_value()} disagree.")

    assert problems({"auth_token": "s3cr3t-1"}, model=Careless)[0].startswith(
        "midcall.toml: [accounts.twilio] auth_token: '•••' is too short. Change it there, or set"
    )
    assert problems({"auth_token": "s3cr3t-2", "signing": SecretStr("s3cr3t-3")}, model=Careless) == (
        "midcall.toml: [accounts.twilio]: ••• and ••• disagree. Change it there.",
    )


def test_text_from_variables_is_read_by_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists come with commas or as JSON, numbers and yes or no as text; a token stays text."""
    monkeypatch.chdir(tmp_path)
    environ = {
        "MIDCALL_ACCOUNTS__TWILIO__ACCOUNT_SID": "[1]",
        "MIDCALL_ACCOUNTS__TWILIO__AUTH_TOKEN": "12345",
        "MIDCALL_ACCOUNTS__TWILIO__REGIONS": "eu, us",
        "MIDCALL_ACCOUNTS__TWILIO__TIMEOUT": "2.5",
        "MIDCALL_ACCOUNTS__TWILIO__RETRY__LIMIT": "7",
        "MIDCALL_ACCOUNTS__TWILIO__RETRY__HOSTS": '["a", "b"]',
    }
    config = check(load_settings(environ=environ).accounts["twilio"], environ=environ)
    assert (config.account_sid, config.auth_token.get_secret_value()) == ("[1]", "12345")
    assert (config.regions, config.timeout) == (("eu", "us"), 2.5)
    assert (config.retry.limit, config.retry.hosts) == (7, ["a", "b"])


@pytest.mark.parametrize("loaded", [True, False])
def test_a_mistake_in_a_variable_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loaded: bool
) -> None:
    """An unknown key and a wrong value lead back to the variable that set them, whoever made the table."""
    monkeypatch.chdir(tmp_path)
    environ = {
        "MIDCALL_ACCOUNTS__TWILIO__ACCOUNT_SID": "AC1",
        "MIDCALL_ACCOUNTS__TWILIO__AUTH_TOKN": "s3cr3t",
        "MIDCALL_ACCOUNTS__TWILIO__TIMEOUT": "soon",
    }
    raw = load_settings(environ=environ).accounts["twilio"]
    said = problems(raw if loaded else raw.plain(), environ=environ)
    assert (
        "MIDCALL_ACCOUNTS__TWILIO__AUTH_TOKN: [accounts.twilio] has no key auth_tokn. Did you mean "
        "MIDCALL_ACCOUNTS__TWILIO__AUTH_TOKEN?"
    ) in said
    assert (
        'MIDCALL_ACCOUNTS__TWILIO__TIMEOUT: [accounts.twilio] timeout is "soon": it must be a number. Change it, or '
        "unset it and write timeout under [accounts.twilio] in midcall.toml."
    ) in said


def test_a_wrong_customary_variable_is_named() -> None:
    """A value that a customary variable supplied leads back to that variable."""

    class Short(CarrierSettings):
        account_sid: str = Field(max_length=4)

    environ = {"TWILIO_ACCOUNT_SID": "AC-too-long"}
    assert problems({}, model=Short, environ=environ)[0].startswith(
        "TWILIO_ACCOUNT_SID: [accounts.twilio] account_sid"
    )


def test_a_table_of_a_policy() -> None:
    """`[plugins.*]` is checked in the same way; a key called `carrier` is the plugin's own there."""

    class Quiet(BaseModel):
        model_config = ConfigDict(extra="forbid", populate_by_name=True)

        begin: str = Field(alias="start")
        carrier: str = "any"

    assert check({"start": "21:00", "carrier": "x"}, where="plugins.quiet-hours", model=Quiet).carrier == "x"
    assert problems({}, where="plugins.quiet-hours", model=Quiet) == (
        "midcall.toml: [plugins.quiet-hours] needs start: set it there, or MIDCALL_PLUGINS__QUIET_HOURS__START.",
    )


def test_a_raw_table() -> None:
    """It compares like a table, keeps what is inside unchangeable, and prints keys only."""
    raw = RawTable({"key": "s3cr3t", "inner": {"list": [{"x": "s3cr3t"}]}})
    assert repr(raw) == "RawTable(key=•••, inner=•••)"
    assert "s3cr3t" not in repr(raw["inner"]) + repr(raw["inner"]["list"]) + f"{raw}"
    assert raw == {"key": "s3cr3t", "inner": {"list": ({"x": "s3cr3t"},)}}
    assert raw.plain() == {"key": "s3cr3t", "inner": {"list": [{"x": "s3cr3t"}]}}
