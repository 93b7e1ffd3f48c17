"""What is said about settings that are wrong: every problem at once, each with place, variable and fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from midcall import ConfigError
from midcall.settings import load_settings


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def problems(text: str, **environ: str) -> tuple[str, ...]:
    """What is said about this file and these variables."""
    Path("midcall.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(environ=environ)
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.__context__ is None
    return caught.value.problems


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[servr]", "midcall.toml: there is no setting servr. Did you mean server?"),
        ('[server]\ntokn = "s3cr3t"', "midcall.toml: [server] has no key tokn. Did you mean token?"),
        (
            "[server]\nzzz = 1",
            "midcall.toml: [server] has no key zzz. It knows: public_url, token, ledger, host, port, max_body.",
        ),
        (
            '[server]\nport = "abc"',
            (
                'midcall.toml: [server] port is "abc": it must be a whole number. Change it there, or set '
                "MIDCALL_SERVER__PORT."
            ),
        ),
        (
            "[server]\nport = true",
            (
                "midcall.toml: [server] port is true: it must be a whole number, not true or false. Change it there, or set "
                "MIDCALL_SERVER__PORT."
            ),
        ),
        (
            "[server]\ntoken = 12",
            "midcall.toml: [server] token: it must be text in quotes. Change it there, or set MIDCALL_SERVER__TOKEN.",
        ),
        (
            '[server]\ntoken = ""',
            "midcall.toml: [server] token: it must not be empty. Change it there, or set MIDCALL_SERVER__TOKEN.",
        ),
        (
            '[server]\npublic_url = "https://sms.example.com/midcall"',
            (
                'midcall.toml: [server] public_url is "https://sms.example.com/midcall": it must end after the host and '
                "port: carriers are given paths below it. Change it there, or set MIDCALL_SERVER__PUBLIC_URL."
            ),
        ),
        (
            '[server]\nledger = "postgres://midcall:s3cr3t@db/midcall"',
            (
                'midcall.toml: [server] ledger is "postgres://•••@db/midcall": PostgreSQL is not supported yet; this version '
                "keeps its ledger in SQLite: sqlite:///midcall.db (relative), sqlite:////var/lib/midcall.db (absolute) or "
                "sqlite:// (gone when Midcall stops). Change it there, or set MIDCALL_SERVER__LEDGER."
            ),
        ),
        (
            'order = "a"',
            'midcall.toml: order is "a": it must be a list. Change it there, or set MIDCALL_ORDER.',
        ),
        (
            'accounts = "s3cr3t"',
            "midcall.toml: [accounts]: it must be a table. Write [accounts] on a line of its own, and its keys below it.",
        ),
        (
            '[accounts]\nauth_token = "s3cr3t"',
            (
                "midcall.toml: [accounts.auth_token]: it must be a table. Write [accounts.auth_token] on a line of its own, "
                "and its keys below it."
            ),
        ),
        (
            '[accounts."my account"]',
            (
                'midcall.toml: [accounts."my account"]: a name is letters, digits, - and _, no more than 64 of them: it is '
                "part of an address. Correct the table's name."
            ),
        ),
        (
            "[accounts.eu]\ncarrier = 5",
            (
                'midcall.toml: [accounts.eu] carrier is 5: it must be the name of a carrier in quotes: carrier = "NAME". '
                "Leave it out when the table is named like the carrier."
            ),
        ),
        (
            "[numbers.2025550100]",
            (
                'midcall.toml: [numbers."202•••0100"]: a phone number is written with + and the country code, digits only: '
                "+12025550100. Correct the table's name."
            ),
        ),
        (
            '[accounts.twilio]\n[numbers."+12025550100"]\naccount = "twillio"',
            (
                'midcall.toml: [numbers."+1202•••0100"] account is "twillio": there is no [accounts.twillio]. Did you mean '
                "twilio? Add that table, or name an account that is there."
            ),
        ),
        (
            '[pools.desk]\nnumbers = ["+12025550101"]\n[numbers."+12025550100"]\nfallback = ["pool:dsk"]',
            (
                'midcall.toml: [numbers."+1202•••0100"] fallback (entry 1) is "pool:dsk": there is no [pools.dsk]. Did you '
                "mean desk? Add that table, or name a pool that is there."
            ),
        ),
        (
            '[pools.desk]\nnumbers = ["+12025550101"]\n[numbers."+12025550100"]\nfallback = ["desk"]',
            (
                'midcall.toml: [numbers."+1202•••0100"] fallback (entry 1) is "desk": a pool is written with `pool:` before '
                "its name. Write pool:desk."
            ),
        ),
        (
            '[numbers."+12025550100"]\nfallback = ["+12025550101", "2025550102"]',
            (
                'midcall.toml: [numbers."+1202•••0100"] fallback (entry 2) is "202•••0102": it must be a number in E.164, '
                "such as +12025550100, or pool:NAME."
            ),
        ),
        (
            '[numbers."+12025550100"]\nfallback = ["+12025550100"]',
            (
                'midcall.toml: [numbers."+1202•••0100"] fallback (entry 1) is "+1202•••0100": a number cannot follow '
                "itself. Leave it out."
            ),
        ),
        (
            '[pools.desk]\ncontent = "any"',
            "midcall.toml: [pools.desk] needs numbers: set it there, or MIDCALL_POOLS__DESK__NUMBERS.",
        ),
        (
            '[pools.desk]\nnumbers = ["+12025550101", "+12025550101"]',
            'midcall.toml: [pools.desk] numbers (entry 2) is "+1202•••0101": +1202•••0101 is there twice. Leave one out.',
        ),
        (
            '[pools.desk]\nnumbers = ["+12025550101"]\ncontent = "tmplate"',
            (
                "midcall.toml: [pools.desk] content is \"tmplate\": it must be 'any' or 'template'. Change it there, or set "
                "MIDCALL_POOLS__DESK__CONTENT."
            ),
        ),
        (
            'required_plugins = ["a"]\ndisable = ["a"]',
            (
                'midcall.toml: required_plugins (entry 1) is "a": a is required, and `disable` names it too. Leave out one '
                "of the two."
            ),
        ),
        (
            "[hooks]\ndeadline_ms = 0",
            (
                "midcall.toml: [hooks] deadline_ms is 0: it must be greater than or equal to 1. Change it there, or set "
                "MIDCALL_HOOKS__DEADLINE_MS."
            ),
        ),
        (
            "[templates]\nwelcome = 5",
            (
                "midcall.toml: [templates] welcome is 5: it must be text in quotes. Change it there, or set "
                "MIDCALL_TEMPLATES__WELCOME."
            ),
        ),
        (
            "[tools]\nsend_sms = 5",
            (
                "midcall.toml: [tools.send_sms] is 5: it must be a table. Write [tools.send_sms] on a line of its own, and "
                "its keys below it."
            ),
        ),
        (
            '[tools]\nsend_sms = ""',
            "midcall.toml: [tools.send_sms]: it must be the path of a JSON file, or a table.",
        ),
        ('["[key]"]', 'midcall.toml: there is no setting "[key]".'),
        ('[server]\n"_env_file" = "x"', "[server] has no key _env_file"),
        ('_env_file = "x"\n_secrets_dir = "y"', "midcall.toml: there is no setting _env_file."),
    ],
)
def test_one_mistake_one_sentence(text: str, sentence: str) -> None:
    """Each mistake in a file is one sentence that names file, table and key, and says what to do."""
    assert any(problem.startswith(sentence) or sentence in problem for problem in problems(text)), problems(
        text
    )


def test_all_problems_at_once() -> None:
    """One run reports what is wrong in the file, the variables, the tools and between the tables."""
    said = problems(
        '[servr]\n[server]\nport = "x"\n[numbers."+12025550100"]\naccount = "eu"\n[tools.send_sms]\n'
        '[tools.other]\nname = "other2"\n[tools]\nlost = "lost.json"',
        MIDCALL_HOOKS__DEADLINE_MS="soon",
        MIDCALL_FOO="1",
    )
    for words in (
        "there is no setting servr",
        "[server] port",
        "there is no [accounts.eu]",
        "[tools.send_sms]: sms_content",
        "[tools.other]",
        "lost.json",
        "MIDCALL_HOOKS__DEADLINE_MS: [hooks] deadline_ms is",
        "MIDCALL_FOO",
    ):
        assert len([problem for problem in said if words in problem]) >= 1, words
    assert len(set(said)) == len(said)


def test_two_tools_with_one_name() -> None:
    """A tool is called like its table, so two tables cannot make one tool."""
    content = 'name = "send_sms"\nsms_content = { type = "predefined", text = "Hi" }\n'
    said = problems(f"[tools.send_sms]\n{content}[tools.other]\n{content}")
    assert len(said) == 1
    assert said[0].startswith("midcall.toml: [tools.other]: name")


def test_a_required_plugin_that_variables_leave_out() -> None:
    """What must be loaded cannot be left out by a variable either."""
    text = 'required_plugins = ["quiet-hours"]'
    assert "MIDCALL_DISABLE names it" in problems(text, MIDCALL_DISABLE="quiet-hours")[0]
    assert "MIDCALL_PLUGINS leaves it out" in problems(text, MIDCALL_PLUGINS="twilio")[0]


@pytest.mark.parametrize(
    "url",
    [
        "sms.example.com",
        "ftp://sms.example.com",
        "https://",
        "https://sms.example.com?x",
        "https://sms.example.com/#",
        "https://sms.example.com:99999",
        "https://user:s3cr3t@sms.example.com",
        "https://sms example.com",
        "https://[::1",
        "",
    ],
)
def test_public_urls_that_are_none(url: str) -> None:
    """The public address is a bare http or https origin."""
    assert "[server] public_url" in problems(f'[server]\npublic_url = "{url}"')[0]


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://SMS.Example.com/", "https://sms.example.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_public_urls_that_are_kept(url: str, kept: str) -> None:
    """The last slash goes, the host is in lower case."""
    assert load_settings(environ={}, overrides={"server": {"public_url": url}}).server.public_url == kept


def test_mistakes_in_arguments() -> None:
    """What the program passes is called an argument."""
    with pytest.raises(ConfigError) as caught:
        load_settings(environ={}, overrides={"server": {"port": "x"}, "accounts": {"eu": 1}})
    assert caught.value.problems[0].startswith('argument: [server] port is "x": it must be a whole number.')
