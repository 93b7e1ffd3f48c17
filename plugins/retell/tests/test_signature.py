from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midcall import BadSignature
from midcall_retell.signature import verify

KEY = "test-api-key"
BODY = b'{"event":"call_ended"}'
SIGNED_AT = datetime.fromtimestamp(1_700_000_000, tz=UTC)
PUBLISHED = "v=1700000000000,d=07024cabe7dd8f6d1c6e4a8324ca92c812e6ad4a7ee506c04f7e462e3321823e"


def signed(body: bytes, *, key: str = KEY, at: datetime = SIGNED_AT) -> str:
    """The header Retell would send."""
    ms = str(round(at.timestamp() * 1_000))
    return f"v={ms},d={hmac.new(key.encode(), body + ms.encode(), hashlib.sha256).hexdigest()}"


def check(
    body: bytes = BODY, header: str | None = PUBLISHED, *, key: str = KEY, now: datetime = SIGNED_AT
) -> None:
    """Verify within Retell's own 300 s."""
    verify(body, header, key=key, now=now, tolerance_s=300)


def test_the_published_vector() -> None:
    """Body, key, time and digest as Retell publishes them."""
    check()


@pytest.mark.parametrize("seconds", [-300, -1, 0, 1, 300])
def test_clocks_may_differ_by_five_minutes_either_way(seconds: int) -> None:
    """Neither side's clock has to be right to the second."""
    check(now=SIGNED_AT + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("seconds", "when"), [(301, "301 s ago"), (-301, "301 s in the future"), (86_400, "86400 s ago")]
)
def test_an_old_signature_says_how_old_and_to_look_at_the_clock(seconds: int, when: str) -> None:
    """A right signature of the wrong time is told apart from a wrong one."""
    with pytest.raises(BadSignature, match=when) as caught:
        check(now=SIGNED_AT + timedelta(seconds=seconds))
    assert "clock" in caught.value.fix
    assert caught.value.status == 401


@pytest.mark.parametrize("header", [None, "", "  "])
def test_no_header(header: str | None) -> None:
    """An unsigned request is told what is missing."""
    with pytest.raises(BadSignature, match="no X-Retell-Signature header"):
        check(header=header)


@pytest.mark.parametrize(
    "header",
    [
        "nonsense",
        PUBLISHED.upper(),
        PUBLISHED[:-1],
        PUBLISHED + "0",
        PUBLISHED.replace(",", ", "),
        PUBLISHED.replace("v=1700000000000", "v="),
        PUBLISHED.replace("v=1700000000000", "v=01700000000000"),
        PUBLISHED.replace("v=1700000000000", "v=-1700000000000"),
        PUBLISHED.replace("v=1700000000000", "v=" + "9" * 17),
        PUBLISHED.replace("v=1700000000000", "v=١٧٠٠٠٠٠٠٠٠٠٠٠"),
        PUBLISHED + "," + PUBLISHED,
        "d=07024cabe7dd8f6d1c6e4a8324ca92c812e6ad4a7ee506c04f7e462e3321823e,v=1700000000000",
    ],
)
def test_a_header_of_another_form(header: str) -> None:
    """The form is strict: anything else is not guessed at."""
    with pytest.raises(BadSignature, match="not of the form"):
        check(header=header)


def test_a_wrong_key_names_the_key_to_use() -> None:
    """The commonest mistake, another of the workspace's keys, is named in the fix."""
    with pytest.raises(BadSignature, match="does not fit") as caught:
        check(key="another-key")
    assert "webhook badge" in caught.value.fix
    assert "another-key" not in str(caught.value) + caught.value.fix


def test_an_old_forgery_gets_no_advice_about_clocks() -> None:
    """What is not ours is wrong, however old: the digest is judged before the time."""
    with pytest.raises(BadSignature, match="does not fit"):
        check(key="another-key", now=SIGNED_AT + timedelta(days=1))


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_one_changed_byte_is_noticed(at: int, flip: int) -> None:
    """Not one byte of the body may differ."""
    tampered = bytearray(BODY)
    tampered[at] ^= flip
    with pytest.raises(BadSignature, match="does not fit"):
        check(bytes(tampered))


def test_the_time_is_signed_too() -> None:
    """An old request cannot be made young again by changing `v`."""
    with pytest.raises(BadSignature, match="does not fit"):
        check(header=PUBLISHED.replace("v=1700000000000", "v=1700000000001"))


@given(
    st.binary(max_size=200), st.text(min_size=1, max_size=20).filter(str.isprintable), st.binary(max_size=200)
)
def test_only_the_signed_body_passes(body: bytes, key: str, other: bytes) -> None:
    """For any body and key: the right one passes, every other body does not."""
    header = signed(body, key=key)
    check(body, header, key=key)
    if other != body:
        with pytest.raises(BadSignature):
            check(other, header, key=key)
