"""Loading settings: the documented example, where values come from and which wins, files that cannot be read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from midcall import ConfigError
from midcall.settings import RawTable, Settings, load_settings

EXAMPLE = """
required_plugins = ["quiet-hours"]

[server]
public_url = "https://sms.example.com"      # what carriers and platforms see; signatures depend on it
token = "s3cr3t-bearer"                     # bearer token of the API and console
ledger = "sqlite:///midcall.db"             # relative to this file

[platforms.retell]                          # instance "retell" of platform "retell"; others: [platforms.sales] platform = "retell"
api_key = "s3cr3t-retell"                   # the key that signs

[accounts.twilio]                           # account "twilio" of carrier "twilio"
account_sid = "AC0000"
auth_token = "s3cr3t-twilio"
base_url = "http://127.0.0.1:9001"          # every carrier has one: simulator, proxy, region
timeout = 8.0                               # seconds

[accounts.eu]                               # a second account of the same carrier
carrier = "twilio"

[numbers."+12025550100"]                    # optional: who owns a number, and what to try after it
account = "twilio"
fallback = ["pool:frontdesk"]

[pools.frontdesk]                           # numbers shared by agents, with rules of their own
numbers = ["+12025550101", "+12025550102"]
content = "template"

[tools.send_sms]                            # Retell's JSON, key for key, plus our extras; or send_sms = "send_sms.json" under [tools]
type = "send_sms"
sms_content = { type = "predefined", text = "Hi {{name}}, here is your link: https://example.com/b" }
budget_ms = 1500
max_segments = 3
countries = ["US", "CA"]

[plugins.quiet-hours]                       # settings of policies
start = "21:00"
"""


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(text: str, name: str = "midcall.toml") -> Path:
    """A settings file in the working folder."""
    file = Path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def refusal(**arguments: object) -> str:
    """What `load_settings` says when it refuses."""
    with pytest.raises(ConfigError) as caught:
        load_settings(**{"environ": {}, **arguments})  # type: ignore[arg-type]  # each test passes what it is about
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.__context__ is None, "the error below may know secrets, and must not travel along"
    return str(caught.value)


def test_the_documented_example_loads() -> None:
    """The example of the documentation means what its comments say."""
    write(EXAMPLE)
    settings = load_settings(environ={})
    assert settings.required_plugins == ("quiet-hours",)
    assert settings.server.public_url == "https://sms.example.com"
    assert settings.server.token is not None
    assert settings.server.token.get_secret_value() == "s3cr3t-bearer"
    assert (settings.server.host, settings.server.port, settings.server.max_body) == (
        "127.0.0.1",
        8080,
        1_048_576,
    )
    assert settings.platforms["retell"]["api_key"] == "s3cr3t-retell"
    assert settings.platform_of("retell") == "retell"
    assert settings.accounts["twilio"]["timeout"] == 8.0
    assert (settings.carrier_of("twilio"), settings.carrier_of("eu")) == ("twilio", "twilio")
    assert settings.numbers["+12025550100"].account == "twilio"
    assert settings.numbers["+12025550100"].fallback == ("pool:frontdesk",)
    assert settings.pools["frontdesk"].content == "template"
    assert settings.tools["send_sms"].countries == ("US", "CA")
    assert settings.plugin_table("quiet-hours")["start"] == "21:00"
    assert (settings.hooks.deadline_ms, settings.hooks.content_deadline_ms) == (500, 500)


def test_no_secret_is_printed() -> None:
    """No way of printing or writing out settings shows a secret, or a whole phone number."""
    write(EXAMPLE)
    settings = load_settings(environ={})
    printed = [
        repr(settings),
        str(settings),
        f"{settings!r}",
        settings.model_dump_json(exclude={"server": {"ledger"}}),
    ]
    printed += [repr(dict(settings.accounts)), repr(settings.platforms), str(settings.accounts["twilio"])]
    printed += [repr(settings.server), repr(dict(settings.plugins))]
    for text in printed:
        assert "s3cr3t" not in text
    for text in (repr(settings), repr(settings.pools), repr(settings.numbers["+12025550100"])):
        assert "+12025550101" not in text
    assert "auth_token" in repr(settings.accounts["twilio"])


def test_no_file_is_fine() -> None:
    """Without a file there are defaults, and paths are relative to the working folder."""
    settings = load_settings(environ={})
    assert settings.source is None
    assert settings.base_dir == Path.cwd()
    assert settings.server.token is None
    assert dict(settings.accounts) == {}


def test_settings_do_not_change() -> None:
    """Settings, their tables and their lists are unchangeable."""
    write(EXAMPLE)
    settings = load_settings(environ={})
    with pytest.raises(ValidationError):
        settings.order = ("x",)  # type: ignore[misc]  # that it is refused is the point
    with pytest.raises(TypeError):
        settings.accounts["us"] = RawTable({})  # type: ignore[index]  # likewise
    with pytest.raises(TypeError):
        settings.accounts["twilio"]["timeout"] = 1  # type: ignore[index]  # likewise


def test_settings_built_directly_read_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """`Settings(...)` takes its arguments and nothing else."""
    write(EXAMPLE)
    monkeypatch.setenv("MIDCALL_SERVER__PORT", "9")
    monkeypatch.setenv("SERVER", '{"port": 9}')
    settings = Settings(accounts={"eu": {"carrier": "twilio"}})
    assert settings.server.port == 8080
    assert settings.carrier_of("eu") == "twilio"
    tools = {"send_sms": {"sms_content": {"type": "predefined", "text": "Hi"}}}
    named = Settings(tools=tools)
    assert named.tools["send_sms"].name == "send_sms"
    with pytest.raises(ValidationError, match="there is no"):
        Settings(numbers={"+12025550100": {"account": "eu"}})


def test_which_source_wins(tmp_path: Path) -> None:
    """Defaults, file, secrets files, variables, arguments: the later wins, key by key."""
    write(
        '[server]\nhost = "file"\nport = 1\ntoken = "file"\n[accounts.eu]\na = "file"\nb = "file"\nc = "file"\nd = "file"'
    )
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for key in "bcd":
        (secrets / f"midcall_accounts__eu__{key}").write_text("secret\n")
    (secrets / "unrelated").write_text("x")
    (secrets / "..data").mkdir()
    environ = {
        "MIDCALL_SECRETS_DIR": str(secrets),
        "MIDCALL_ACCOUNTS__EU__C": "variable",
        "MIDCALL_ACCOUNTS__EU__D": "variable",
        "MIDCALL_SERVER__PORT": "2",
    }
    settings = load_settings(
        environ=environ, overrides={"accounts": {"eu": {"d": "argument"}}, "server": {"port": 3}}
    )
    assert dict(settings.accounts["eu"]) == {"a": "file", "b": "secret", "c": "variable", "d": "argument"}
    assert (settings.server.host, settings.server.port, settings.server.max_body) == ("file", 3, 1_048_576)
    kinds = [origin.kind for key in "abcd" if (origin := settings.accounts["eu"].origin(key))]
    assert kinds == ["file", "secrets file", "variable", "argument"]


def test_lists_are_replaced(tmp_path: Path) -> None:
    """A list from a stronger source stands for itself; it is not joined to the weaker one."""
    write('order = ["a", "b"]')
    assert load_settings(environ={"MIDCALL_ORDER": "c"}).order == ("c",)
    assert load_settings(environ={"MIDCALL_ORDER": "c"}, overrides={"order": ["d"]}).order == ("d",)


def test_the_environment_is_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `environ` the process's own variables count."""
    for name in [name for name in os.environ if name.startswith("MIDCALL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MIDCALL_SERVER__PORT", "9999")
    assert load_settings().server.port == 9999


def test_which_file_is_read(tmp_path: Path) -> None:
    """An argument wins over `MIDCALL_CONFIG`, which wins over the file in the working folder."""
    write("[server]\nport = 1")
    argument, variable = write("[server]\nport = 2", "a/x.toml"), write("[server]\nport = 3", "b/y.toml")
    environ = {"MIDCALL_CONFIG": str(variable)}
    assert load_settings(environ={}).server.port == 1
    assert load_settings(environ=environ).server.port == 3
    settings = load_settings(config=argument, environ=environ)
    assert settings.server.port == 2
    assert settings.source == argument
    assert settings.base_dir == tmp_path / "a"
    assert settings.ledger_url == f"sqlite:///{tmp_path.as_posix()}/a/midcall.db"


@pytest.mark.parametrize(
    ("ledger", "url"),
    [
        ("sqlite:///x/y.db", "sqlite:///{base}/x/y.db"),
        ("sqlite:///file:y.db", "sqlite:///{base}/file:y.db"),
        ("sqlite:////var/lib/midcall.db", "sqlite:////var/lib/midcall.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("sqlite://", "sqlite://"),
    ],
)
def test_ledger_url(tmp_path: Path, ledger: str, url: str) -> None:
    """Only a relative SQLite file is resolved, against the settings file's folder."""
    file = write(f'[server]\nledger = "{ledger}"', "etc/midcall.toml")
    assert load_settings(config=file, environ={}).ledger_url == url.format(base=(tmp_path / "etc").as_posix())


def test_a_byte_order_mark_is_no_mistake() -> None:
    """Editors on Windows write one."""
    Path("midcall.toml").write_bytes(b"\xef\xbb\xbf[server]\nport = 5\n")
    assert load_settings(environ={}).server.port == 5


def test_plugins_by_variable() -> None:
    """`MIDCALL_PLUGINS` selects, `MIDCALL_DISABLE` leaves out, beside `disable`; empty means unset."""
    write('disable = ["a"]')
    settings = load_settings(environ={"MIDCALL_PLUGINS": "x, y", "MIDCALL_DISABLE": '["b", "c"]'})
    assert settings.only_plugins == frozenset({"x", "y"})
    assert settings.disabled_plugins == {"a", "b", "c"}
    settings = load_settings(environ={"MIDCALL_PLUGINS": "", "MIDCALL_DISABLE": " "})
    assert settings.only_plugins is None
    assert settings.disabled_plugins == {"a"}


def test_tools_from_files(tmp_path: Path) -> None:
    """A tool can be the path of a JSON file, relative to the settings file."""
    write('{"type": "send_sms", "sms_content": {"type": "predefined", "text": "Hi"}}', "etc/tools/link.json")
    file = write('[tools]\nsend_link = "tools/link.json"', "etc/midcall.toml")
    assert load_settings(config=file, environ={}).tools["send_link"].name == "send_link"


# --- files that cannot be read ----------------------------------------------------------------------------------------


def test_a_named_file_must_exist() -> None:
    """A file that was asked for by name and is not there is an error, not an empty file."""
    for words in (refusal(config=Path("no.toml")), refusal(environ={"MIDCALL_CONFIG": "no.toml"})):
        assert words.startswith("no.toml: there is no such file")
        assert "MIDCALL_CONFIG" in words
        assert "--config" in words


def test_a_dangling_link_is_not_no_file() -> None:
    """A link that leads nowhere was meant to be a file."""
    Path("midcall.toml").symlink_to("gone.toml")
    assert "there is no such file" in refusal()


def test_a_folder_is_no_file() -> None:
    """A folder in the file's place is named as such."""
    Path("midcall.toml").mkdir()
    assert refusal().startswith("midcall.toml: it is a folder")


def test_a_file_that_cannot_be_opened() -> None:
    """What the system says is passed on, on one line."""
    Path("midcall.toml").symlink_to("midcall.toml")
    assert refusal().startswith("midcall.toml: it cannot be read (")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is unreadable here")
def test_an_unreadable_file() -> None:
    """A file without permission to read says so."""
    write("").chmod(0)
    assert "Permission denied" in refusal()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            b"a = 1\n[server]\nport = = 1\n",
            "midcall.toml, line 3, column 8: invalid value. Correct the TOML there.",
        ),
        (b"a = ", "midcall.toml, at its end: invalid value."),
        (b'a = "\xff"', "midcall.toml: it is not text in UTF-8 (at byte 6). Save it as UTF-8."),
        (b"a = " + b"[" * 50_000, "nested too deeply"),
        (b"a = " + b"9" * 5_000, "too many digits"),
        (b"[plugins.a" + b".a" * 5_000 + b"]", "nested too deeply"),
        (b"#" * 5_000_000, "too large"),
    ],
)
def test_a_file_that_is_not_toml(content: bytes, words: str) -> None:
    """What is wrong, with line and column where there are any."""
    Path("midcall.toml").write_bytes(content)
    assert words in refusal()


def test_a_broken_file_is_the_only_news() -> None:
    """What the broken file may have said is not reported as missing; what the variables say wrongly still is."""
    write("[server")
    words = refusal(environ={"MIDCALL_POOLS__A__CONTENT": "any", "MIDCALL_SERVR__PORT": "1"})
    assert "needs numbers" not in words
    assert "midcall.toml, at its end" in words
    assert "Did you mean MIDCALL_SERVER__PORT?" in words


# --- secrets files ----------------------------------------------------------------------------------------------------


def test_secrets_files_that_are_wrong(tmp_path: Path) -> None:
    """Empty, binary and misspelt secrets files are named, with what to do."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "midcall_server__token").write_text("\n")
    (secrets / "midcall_accounts__eu__auth_token").write_bytes(b"s3cr3t\xff")
    (secrets / "MIDCALL_SERVER__TOKN").write_text("s3cr3t")
    words = refusal(environ={"MIDCALL_SECRETS_DIR": str(secrets)})
    assert "secrets file secrets/midcall_server__token: it is empty. Write the value into it" in words
    assert "secrets file secrets/midcall_accounts__eu__auth_token: it cannot be read" in words
    assert (
        "secrets file secrets/MIDCALL_SERVER__TOKN: [server] has no key tokn. Did you mean MIDCALL_SERVER__TOKEN?"
        in words
    )


@pytest.mark.parametrize("where", ["nowhere", "midcall.toml", "\0"])
def test_a_secrets_folder_that_is_none(where: str) -> None:
    """The secrets folder must be one, since what it holds would be missing in silence."""
    write("")
    assert refusal(environ={"MIDCALL_SECRETS_DIR": where}).startswith("MIDCALL_SECRETS_DIR: ")


def test_secrets_files_and_variables_make_one_account(tmp_path: Path) -> None:
    """An account can be made half by secrets files and half by variables."""
    write("[accounts.twilio]")
    (tmp_path / "MIDCALL_ACCOUNTS__TWILIO2__AUTH_TOKEN").write_text("s3cr3t")
    environ = {"MIDCALL_SECRETS_DIR": str(tmp_path), "MIDCALL_ACCOUNTS__TWILIO2__CARRIER": "twilio"}
    assert dict(load_settings(environ=environ).accounts["twilio2"]) == {
        "auth_token": "s3cr3t",
        "carrier": "twilio",
    }


def test_importing_stays_light() -> None:
    """`import midcall.settings` loads pydantic-settings and nothing that talks to databases, carriers or the network."""
    code = "import sys, midcall.settings; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    heavy = {
        "sqlalchemy",
        "alembic",
        "phonenumbers",
        "pluggy",
        "starlette",
        "httpx",
        "twilio",
    }
    assert not heavy & set(loaded.stdout.split())
