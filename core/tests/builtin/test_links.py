"""Finding links the way a phone does."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from midcall.builtin.links import hosts_in, hosts_outside

HOSTS = st.sampled_from(
    ["example.com", "a.example.com", "evil.example", "example.com.evil.example", "192.0.2.1"]
)
PATHS = st.sampled_from(["", "/", "/b?x=1", "/b#c", ":8443/b"])
EDGES = st.sampled_from(["{}", "({})", "{}.", "“{}”", "<{}>", "{},", "see:{}"])


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("", ()),
        ("no link here", ()),
        ("https://example.com/b", ("example.com",)),
        ("HTTP://Example.COM", ("example.com",)),
        ("example.com and b.example.org/x", ("example.com", "b.example.org")),
        ("https://user:pw@evil.example", ("evil.example",)),
        ("https://example.com@evil.example", ("evil.example",)),
        ("https://example.com.", ("example.com",)),
        ("xn--bcher-kva.example", ("xn--bcher-kva.example",)),
        ("bücher.example", ("bücher.example",)),
        ("http://192.0.2.1/x", ("192.0.2.1",)),
        ("192.0.2.1/x", ("192.0.2.1",)),
        ("http://[2001:db8::1]/x", ("2001:db8::1",)),
        ("ftp://files.example.com", ("files.example.com",)),
        ("example.com,evil.example", ("example.com", "evil.example")),
        ("Visit:evil.example/b", ("evil.example",)),
        ("here—evil.example", ("evil.example",)),
        ("evil.example,https://example.com", ("evil.example", "example.com")),
        ("evil\uff0eexample", ("evil.example",)),
        ("evil\u3002example", ("evil.example",)),
        ("\uff45vil.example", ("evil.example",)),
        ("example.com/b?next=evil.example", ("example.com",)),
        ("192.0.2.1", ("192.0.2.1",)),
        ("version 1.2.3", ()),
        ("at 10.30, costs 3.50", ()),
        ("ada@example.com", ()),
        ("ada.lovelace@example.com,", ()),
        ("e.g. this", ()),
    ],
)
def test_hosts(text: str, hosts: tuple[str, ...]) -> None:
    """Every link's host, lower case and in order; numbers, abbreviations and mail addresses are none."""
    assert hosts_in(text) == hosts


@pytest.mark.parametrize(
    "text",
    [
        # What a browser reads otherwise than a parser of RFC 3986
        "https://evil.example\\@example.com/x",
        "https://example.com\\@evil.example",
        "https://evil.test\\.example.com/",
        "https://evil.test;.example.com/",
        "https://evil.test,.example.com/",
        "https://evil.test%2f.example.com",
        "https://evil%2ecom",
        "https://example.com-",
        "https://evil.test|ada@example.com",
        "https://example.com:443@evil.test/",
        "https://example.com@",
        "https:////evil.test/x",
        "https:/evil.test",
        "https:\\\\evil.test",
        # A second link in the same word
        "https://example.com/|https://evil.test/login",
        'https://example.com/"https://evil.test/login',
        "https://example.com/<https://evil.test/login>",
        "https://example.com/)https://evil.test",
        "https://example.com/)evil.test",
        "https://example.com/\u200bhttps://evil.test/login",
        "https://example.com/\u200bevil.test/login",
        "https://example.com/\uff0chttps://evil.test",
        "https://example.com/\u3164https://evil.test",
        # Full stops and hyphens
        "Visit...evil.com/login",
        "Go..evil.com",
        "wait\u2026evil.com",
        "evil.com-click",
        "evil.com-3.5",
        "_evil.com_",
        "evil.com.-.example.com",
        "evil.com-.example.com",
        "evil.com\u3002example.com",
        "evil.com\u2460.example.com",
        f"evil.com.{'a' * 64}.example.com",
        f"{'a' * 64}.evil.com",
        # An @ without a mail address
        "evil.com@ now",
        "evil.com@x",
        "x@evil.com/login",
        "x@evil.com:80",
        "a@b.com@evil.com",
        "a@example.com..evil.com",
        "@evil.com",
        # What is not seen
        "evil\u00ad.com",
        "evil\u200b.com",
        "ev\u200cil.com",
        "https://ex\u200dample.com",
        "evil.com\u200b.example.com",
        # Addresses, and hosts of other signs
        "1.2.3.4",
        "1.2.3.4:8080",
        "https://1249763844",
        "http://0x7f000001/",
        "http://[::1]/x",
        "\U0001f4a9.la",
        "\U0001f449evil.com",
        "evil.com\U0001f449.example.com",
        "https://\u0435xample.com",
        "ev_il.com",
        "https://my_host.example.com",
    ],
)
def test_what_hides_a_link(text: str) -> None:
    """No spelling that a phone or a browser takes elsewhere passes a list, nor counts as no link."""
    assert hosts_outside(text, ["example.com"]) != ()
    assert hosts_in(text) != ()


@pytest.mark.parametrize(
    "text",
    [
        "Costs 3.50, or $3.50USD, or 3.50\u20ac.",
        "At 7.30pm, or 10.30 a.m., e.g. this; i.e. that.",
        "On 12.05.2026, version 1.2.3 or v1.2.3-beta.",
        "Call 01.23.45.67.89 or 202-555-0142.",
        "Wait... what?! Well\u2026 yes \u2014 no.",
        "Mail ada@example.org, ada.lovelace+news@example.org or is it ada_l.ovelace@b.example.org?",
        "\u6771\u4eac\u3067\u4f1a\u3044\u307e\u3057\u3087\u3046\u3002\u3067\u306f\u307e\u305f",
        "Dr. A. B. and/or U.S.-based, No.12 :/ <3",
        "Family: \U0001f468\u200d\U0001f469\u200d\U0001f467. Thanks \u2764\ufe0f.",
    ],
)
def test_ordinary_sentences(text: str) -> None:
    """Prices, times, dates, versions, phone numbers, mail addresses and smileys are no links."""
    if "\u3002" not in text:  # there a full stop without a space after it may be a host's, as in Hello.World
        assert hosts_in(text) == ()
    assert hosts_outside(text.replace("\u3002", "\u3002 "), []) == ()


@pytest.mark.parametrize(
    "text",
    [
        "booking.example-clinic.com",
        "https://example.com/@ada",
        "https://example.com/a.html?b=c.html#d.e",
        "Have you seen https://example.com?",
        "**https://example.com**, (https://example.com).",
        "Book here.https://example.com/b",
        "https://ada:pw@example.com:8443/b",
        "https://b\u00fccher.example/x and b\u00fccher.example",
        "https://\u4f8b\u3048.jp/x \u4f8b\u3048.jp",
        "http://192.0.2.1/a.html \u2014 here",
    ],
)
def test_what_is_listed_passes(text: str) -> None:
    """The strictness is about hosts that are not listed: an ordinary link to one that is goes through."""
    listed = ["example.com", "example-clinic.com", "b\u00fccher.example", "\u4f8b\u3048.jp", "192.0.2.1"]
    assert hosts_outside(text, listed) == ()


@pytest.mark.parametrize("text", ["http://[", "https://exa mple", "https://[::1", "http://"])
def test_a_malformed_link_is_a_link(text: str) -> None:
    """It matches no allowed host, and is no exception."""
    assert hosts_outside(text, ["example.com"]) != ()


@pytest.mark.parametrize("listed", ["example.com", "EXAMPLE.com", ".example.com", "example.com."])
def test_a_listed_host_and_what_is_below_it(listed: str) -> None:
    """However it is written in the settings."""
    assert hosts_outside("https://example.com a.b.example.com", [listed]) == ()
    assert hosts_outside("badexample.com example.com.evil.example", [listed]) == (
        "badexample.com",
        "example.com.evil.example",
    )


def test_nothing_listed() -> None:
    """An empty list allows no link at all."""
    assert hosts_outside("example.com", []) == ("example.com",)


@given(HOSTS, PATHS, EDGES, st.booleans())
def test_a_link_is_found_in_any_dress(host: str, path: str, edge: str, scheme: bool) -> None:
    """Brackets, quotes and full stops around it, with a scheme or without: a phone would make it a link."""
    link = ("https://" if scheme else "") + host + path
    assert hosts_in(f"before {edge.format(link)} after") == (host,)


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "part",
    [
        "a.",
        "a-",
        "1.",
        "a@",
        "https://",
        "a.b,",
        "-.",
        "https://a/",
        "a.bc/",
        "a+",
        "-",
        "://",
        "\u200b",
        "\ufdfa",
    ],
)
def test_time_in_proportion(part: str) -> None:
    """A model's longest text cannot keep the event loop busy."""
    hosts_in(part * 20_000)


@given(st.text())
def test_any_text(text: str) -> None:
    """Whatever a model writes is read without an exception."""
    hosts_outside(text, ["example.com"])


LISTED = ["example.com"]
SCHEMES = ["", "https://", "HTTP://", "https:/", "https:\\\\", "https:////"]
USERS = ["", "", "", "ada@", "example.com@", "evil.test@", "evil.test\\@", "example.com:443@", "a;b@", "%2f@"]
NAMES = ["example.com", "b.example.com", "evil.test", "evil.com", "badexample.com", "1.2.3.4", "192.0.2.1"]
HIDDEN = ["", "", "", "\u00ad", "\u200b", "\u2060"]
TAILS = [
    "",
    "",
    "/",
    "/x",
    ":80/x",
    "?q",
    "#f",
    "\\",
    ".",
    "-",
    "@",
    ";",
    "\uff0c",
    "%2f",
    "\u3002",
    "\u2460",
]
GLUE = [
    "",
    " ",
    "|",
    '"',
    "<",
    ")",
    ",",
    "\u200b",
    "\uff0c",
    "...",
    ".",
    "\u3002",
    "\n",
    "\U0001f449",
    "/",
    "\\",
]


@st.composite
def dressed_texts(draw: st.DrawFn) -> str:
    """Some links, listed and not, written and joined as one would to deceive."""
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(NAMES))
        at = draw(st.integers(0, len(name)))
        name = name[:at] + draw(st.sampled_from(HIDDEN)) + name[at:]
        link = [
            draw(st.sampled_from(SCHEMES)),
            draw(st.sampled_from(USERS)),
            name,
            draw(st.sampled_from(TAILS)),
        ]
        parts += ["".join(link), draw(st.sampled_from(GLUE))]
    return "".join(parts)


def where_a_browser_goes(text: str) -> list[str]:
    """An independent reading: hosts of the text's `http(s)://` links by the standard library, spelt as a browser takes them.

    A browser reads \\ as /, takes any number of slashes, decodes %2f and %2e in a host, and ignores what is not seen.
    No top-level domain ends in a comma or an emoji, so such a host leads nowhere; the phone takes it for the sentence's.
    """
    hosts = []
    seen = "".join(char for char in text if char not in "\u00ad\u200b\u2060")
    seen = unicodedata.normalize("NFKC", seen.replace("\u3002", ".")).replace("\\", "/")
    for start in re.finditer(r"https?:/+", seen, re.IGNORECASE):
        url = "https://" + re.split(r"[\s\"<>|]", seen[start.end() :], maxsplit=1)[0]
        host = (urlsplit(url).hostname or "").replace("%2f", "/").replace("%2e", ".").rstrip(".,;)\U0001f449")
        hosts.append(host.split("/")[0])
    return hosts


def what_a_phone_links(text: str) -> list[str]:
    """An independent reading of bare hosts: the known names that begin a word and end in a known top-level domain."""
    words = re.split(r"[^A-Za-z0-9.@/?#:%\\-]+|\.{2,}", text)
    found = (
        re.match(r"(?:[a-z]+\.)*(?:badexample|example|evil)\.(?:com|test)(?![\w@.-])", word) for word in words
    )
    return [match[0] for match in found if match]


@given(dressed_texts())
@example("https://evil.test\\@example.com/")
@example("https://example.com/|https://evil.test")
def test_no_dress_hides_a_link(text: str) -> None:
    """Wherever the rule lets a text pass, every other reading of it leads to a listed host as well."""
    if hosts_outside(text, LISTED) == ():
        for host in [*where_a_browser_goes(text), *what_a_phone_links(text)]:
            assert host == "example.com" or host.endswith(".example.com"), (text, host)


@given(
    st.sampled_from(["example.com", "a.b.example.com"]),
    st.sampled_from(["", "/", "/b?x=1", ":8443/b#c"]),
    EDGES,
)
def test_the_listed_pass(host: str, path: str, edge: str) -> None:
    """The counterpart of the law above, so that refusing everything is no answer to it."""
    assert hosts_outside(f"Hi, {edge.format('https://' + host + path)} and {host}. Bye", LISTED) == ()
