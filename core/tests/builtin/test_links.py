"""Finding links the way a phone does."""

from __future__ import annotations

import pytest
from hypothesis import given
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
    if host == "192.0.2.1" and not scheme:
        path = "/b"  # four numbers are not a link by themselves
    link = ("https://" if scheme else "") + host + path
    assert hosts_in(f"before {edge.format(link)} after") == (host,)


@pytest.mark.timeout(5)
@pytest.mark.parametrize("part", ["a.", "a-", "1.", "a@", "https://", "a.b,", "-."])
def test_time_in_proportion(part: str) -> None:
    """A model's longest text cannot keep the event loop busy."""
    hosts_in(part * 20_000)


@given(st.text())
def test_any_text(text: str) -> None:
    """Whatever a model writes is read without an exception."""
    hosts_outside(text, ["example.com"])
