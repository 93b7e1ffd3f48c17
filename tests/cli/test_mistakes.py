"""What is wrong with settings, plugins and ledgers is said in words, with the exit code that scripts rely on."""

from __future__ import annotations

import sqlite3

import pytest

from tests.cli.conftest import NUMBERS, Install, Shell

POLICY = "from midcall import hookimpl\n\n@hookimpl\ndef midcall_check_eligibility(draft):\n    return None\n"
CARRIER = '[accounts.twilio]\naccount_sid = "AC{}"\nauth_token = "x"\n'.format("0" * 32)


def _says(shell: Shell, *words: str, code: int = 2, command: str = "plugins", **variables: str) -> str:
    """What `midcall COMMAND` says on standard error, once it has ended with `code`."""
    ran = shell(*command.split(), **variables)
    assert ran.code == code, ran.err + ran.out
    for word in words:
        assert word in ran.err, ran.err
    return ran.err


# Settings -------------------------------------------------------------------------------------------------------------


def test_a_settings_file_that_is_not_there(shell: Shell) -> None:
    """Named on the command line or by the variable: the file is named."""
    _says(shell, "nowhere.toml", command="plugins --config nowhere.toml")
    _says(shell, "elsewhere.toml", MIDCALL_CONFIG="elsewhere.toml")


def test_a_settings_file_that_is_not_toml(shell: Shell) -> None:
    """File and line are named."""
    shell.write('[server]\ntoken = "open\n')
    _says(shell, "midcall.toml", "line 2")


def test_a_settings_file_that_is_a_folder(shell: Shell) -> None:
    """Words, as for any other file that cannot be read."""
    (shell.folder / "midcall.toml").mkdir()
    _says(shell, "midcall.toml")


@pytest.mark.parametrize("command", ["plugins", "messages", "optouts list", "serve --port 0"])
def test_a_misspelt_variable(shell: Shell, command: str) -> None:
    """A variable that sets nothing is not overlooked, by any command: the one that was meant is named."""
    said = _says(shell, "MIDCALL_SERVERR__TOKEN", command=command, MIDCALL_SERVERR__TOKEN="secret-value")
    assert "MIDCALL_SERVER__TOKEN" in said
    assert "secret-value" not in said


def test_a_misspelt_key(shell: Shell) -> None:
    """The key that was meant is named."""
    shell.write('[server]\ntokn = "x"\n')
    _says(shell, "tokn", "token", "midcall.toml")


def test_several_mistakes_are_told_at_once(shell: Shell) -> None:
    """Nobody has to come back for the next one."""
    shell.write('[server]\ntokn = "x"\nport = 99999\npublic_url = "sms.example.com"\n')
    said = _says(shell, "tokn", "port", "public_url")
    assert said.count("error: ") == 3


def test_a_known_variable_that_is_no_setting(shell: Shell) -> None:
    """MIDCALL_TRACEBACK and the others of its kind are not taken for misspelt settings."""
    assert shell("messages", MIDCALL_TRACEBACK="1", MIDCALL_DISABLE="").code == 0


def test_a_credential_that_is_missing(shell: Shell) -> None:
    """The field and the variables it may come from are named; one that is nearly right is pointed at, without its value."""
    shell.write('[accounts.twilio]\naccount_sid = "AC{}"\n'.format("0" * 32))
    _says(shell, "auth_token", "TWILIO_AUTH_TOKEN", "MIDCALL_ACCOUNTS__TWILIO__AUTH_TOKEN")
    said = _says(shell, "TWILIO_AUTH_TOKEN", "TWILIO_AUTHTOKEN", TWILIO_AUTHTOKEN="secret-value")
    assert "secret-value" not in said
    assert shell("plugins", TWILIO_AUTH_TOKEN="x").code == 0


def test_a_variable_for_an_account_no_file_names(shell: Shell) -> None:
    """The names of installed plugins are known, so variables alone can configure one."""
    ran = shell(
        "plugins",
        "--json",
        MIDCALL_ACCOUNTS__TWILIO__ACCOUNT_SID="AC" + "0" * 32,
        MIDCALL_ACCOUNTS__TWILIO__AUTH_TOKEN="x",
    )
    assert ran.code == 0, ran.err
    (twilio,) = [plugin for plugin in ran.json if plugin["name"] == "twilio"]
    assert twilio["instances"] == ["twilio"]


# Plugins --------------------------------------------------------------------------------------------------------------


def test_a_plugin_that_is_not_installed(shell: Shell) -> None:
    """The table is printed all the same, and the account's carrier and what to install are named."""
    shell.write('[accounts.twillio]\napi_key = "x"\n')
    ran = shell("plugins")
    assert ran.code == 2
    assert "twilio" in ran.out
    assert "twillio" in ran.err


def test_cores_own_plugin_is_not_switched_off(shell: Shell) -> None:
    """`MIDCALL_DISABLE=rules` is one line that says so, not a pair of which one claims that it is not installed."""
    ran = shell("plugins", "--json", MIDCALL_DISABLE="rules")
    assert (ran.code, ran.err) == (1, "")
    (rules,) = [plugin for plugin in ran.json if plugin["name"] == "rules"]
    assert (rules["kind"], rules["state"]) == ("built-in", "ready")
    assert "cannot be switched off" in rules["problem"]


@pytest.mark.parametrize("number", ["+1202", "2025550142", "+1202555O142", "anonymous"])
def test_a_mistyped_number_is_told_how_to_write_it_once(shell: Shell, number: str) -> None:
    """The option, what is wrong with the number, and one way to put it right."""
    ran = shell("send", "send_sms", "--from", "+12025550100", "--to", number)
    assert ran.code == 2
    said = " ".join(ran.err.split()).lower()
    assert "--to" in said
    assert sum(said.count(fix) for fix in ("write it ", "give a number", "give one")) == 1, said


def test_a_plugin_that_breaks_and_is_not_needed(shell: Shell, install: Install) -> None:
    """A policy that cannot be imported: its line in the table says why, the exit code is 1."""
    install("acme-rules", plugins={"rules2": "acme_rules"}, source="import no_such_module\n")
    ran = shell("plugins")
    assert (ran.code, ran.err) == (1, "")
    assert "broken" in ran.out
    assert "no_such_module" in ran.out


@pytest.mark.parametrize(
    "source", ["import no_such_module", "raise SystemExit(1)", "1/0", "def ("], ids=lambda source: source[:12]
)
def test_a_required_plugin_that_breaks(shell: Shell, install: Install, source: str) -> None:
    """A missing consent check must not fail open: the table is printed, then exit 2; nothing is sent, nothing served."""
    install("acme-consent", plugins={"consent": "acme_consent"}, source=source)
    shell.write(
        'required_plugins = ["consent"]\n'
        + CARRIER
        + '[tools.send_sms]\nsms_content = { type = "predefined", text = "Hi" }\n'
    )
    ran = shell("plugins")
    assert ran.code == 2
    assert "broken" in ran.out
    assert "consent" in ran.err
    listed = shell("plugins", "--json")
    assert listed.code == 2
    assert {plugin["name"]: plugin["state"] for plugin in listed.json}["consent"] == "broken"
    for command in (["send", "send_sms", *NUMBERS], ["send", "send_sms", *NUMBERS, "--yes"], ["serve"]):
        assert shell(*command).code == 2


def test_two_plugins_of_one_name(shell: Shell, install: Install) -> None:
    """Neither is used, and both distributions are named."""
    for name in ("acme-one", "acme-two"):
        install(name, plugins={"consent": name.replace("-", "_")}, source=POLICY)
    shell.write('required_plugins = ["consent"]\n')
    ran = shell("plugins")
    assert ran.code == 2
    assert ran.out.count("refused") == 2
    assert "acme-one" in ran.err
    assert "acme-two" in ran.err


def test_a_plugin_for_another_midcall(shell: Shell, install: Install) -> None:
    """What it asks for and what this is are both named."""
    install("acme-old", plugins={"consent": "acme_old"}, source=POLICY, requires="midcall>=9")
    ran = shell("plugins")
    assert ran.code == 1
    assert "refused" in ran.out
    assert ">=9" in ran.out


def test_a_plugin_whose_metadata_is_broken(shell: Shell, install: Install) -> None:
    """Half of a distribution, left by a broken uninstall, does not take the command line with it."""
    packages = install("acme-half", plugins={"half": "acme_half"}, source=POLICY)
    (packages / "acme_half-1.0.dist-info" / "METADATA").write_bytes(b"\xff\xfe\x00")
    assert shell("messages").code == 0


# Ledgers --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command", ["messages", "messages 0190", "optouts list", "optouts add +12025550142", "serve --port 0"]
)
def test_a_ledger_that_is_damaged(shell: Shell, command: str) -> None:
    """Exit 4 with the file and what to do, by every command that needs it."""
    (shell.folder / "midcall.db").write_bytes(b"no database at all" * 500)
    _says(shell, "midcall.db", "not an SQLite file", code=4, command=command)


def test_a_ledger_that_is_locked(shell: Shell) -> None:
    """Exit 4 after a while, with who may hold it."""
    assert shell("optouts", "add", "+12025550142").code == 0
    blocker = sqlite3.connect(shell.folder / "midcall.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    try:
        _says(shell, "locked", code=4, command="optouts add +12025550143")
        assert "+12025550142" in shell("optouts", "list").out  # reading waits for nobody
    finally:
        blocker.close()


def test_a_ledger_of_a_newer_midcall(shell: Shell) -> None:
    """It is not touched, and upgrading is named as the way."""
    shell("optouts", "add", "+12025550142")
    ledger = sqlite3.connect(shell.folder / "midcall.db")
    with ledger:
        ledger.execute("UPDATE alembic_version SET version_num = '9999'")
    ledger.close()
    _says(shell, "newer", code=4, command="messages")


def test_another_programs_database(shell: Shell) -> None:
    """It is not touched."""
    other = sqlite3.connect(shell.folder / "midcall.db")
    with other:
        other.execute("CREATE TABLE songs (name)")
    other.close()
    _says(shell, "some other program", code=4, command="messages")


# Midcall itself -------------------------------------------------------------------------------------------------------


def test_a_fault_of_midcalls_own(shell: Shell, install: Install) -> None:
    """Words and exit 70, no traceback; MIDCALL_TRACEBACK shows where."""
    packages = install("acme-fault", plugins={}, source="")
    (packages / "sitecustomize.py").write_text(
        "import midcall.cli.options\n\ndef broken(config):\n    raise RuntimeError('a fault')\n\n"
        "midcall.cli.options.settings_from = broken\n",
        encoding="utf-8",
    )
    said = _says(shell, "RuntimeError: a fault", "MIDCALL_TRACEBACK", code=70, command="messages")
    assert "Traceback" not in said
    shown = shell("messages", MIDCALL_TRACEBACK="1")
    assert shown.code == 70
    assert "Traceback" in shown.err


def test_serve_without_its_extra(shell: Shell, install: Install) -> None:
    """Without a web framework everything else works, and `serve` says what to install."""
    packages = install("acme-none", plugins={}, source="")
    (packages / "sitecustomize.py").write_text(
        "import sys\nfor name in ('starlette', 'uvicorn', 'httptools', 'uvloop'):\n    sys.modules[name] = None\n",
        encoding="utf-8",
    )
    assert "pip install 'midcall[server]'" in _says(shell, command="serve")
    assert shell("messages").code == 0
    assert shell("serve", "--help").code == 0
