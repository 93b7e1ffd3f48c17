r"""Finding the links in a text the way a phone or a browser does: with a scheme or bare, however they are dressed.

Readers disagree about what a link is, so a text is read in two ways, and every host that either finds counts. In the first,
characters that are not seen are gone and look-alikes of letters and full stops are what they look like. In the second, every
sign that is neither ASCII nor a letter with upper and lower case stands between words, for the reader that stops there.

When in doubt something is a link: refusing a text is a nuisance, sending a caller to a stranger's page is harm. A mail
address is none. Both readings take time in proportion to the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

_MOST_OF_A_LABEL: Final = 63  # RFC 1035, 2.3.4
_MOST_OF_A_HOST: Final = 253

_FULL_STOPS: Final = str.maketrans(
    "\u3002", "."
)  # the ideographic one separates a host's labels as well (RFC 3490, 3.1)
_CASED: Final = frozenset({"Lu", "Ll", "Lt"})
_SYMBOLS: Final = frozenset({"No", "So", "Sk"})  # emoji, which some registries sell

# Browsers read \ as / and take any number of slashes.
_AFTER_SCHEME: Final = re.compile(
    r"(?<=[a-z0-9+.-]):(?:[/\\]{2,}|(?:(?<=http:)|(?<=https:))[/\\])", re.IGNORECASE
)
_AUTHORITY: Final = re.compile(r"[^\s/\\?#]*")
_USER: Final = re.compile(r"[A-Za-z0-9._:-]*")
_IPV6: Final = re.compile(r"\[([0-9a-f:.]+)\](?::\d*)?[^\w\[\]%]*", re.IGNORECASE)
# Only what every reader takes as part of a link: brackets, quotes and commas may be its end, and another's beginning.
_PATH: Final = re.compile(r"(?::[0-9]+)?(?:[/?#][A-Za-z0-9._~/?#%&=+:@$-]*)?")
_AFTER_MAIL: Final = re.compile(r"[/\\@]|:[0-9]|[?#]\S")  # then it is a link with a user name

# The next three are matched against shapes, see `_shape`.
_LABEL: Final = r"[a1s]+(?:[_-]+[a1s]+)*"
_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_MAIL: Final = re.compile(r"(?<![a1s._+@-])[a1s._+-]++@")
_TOP_LEVEL: Final = re.compile(r"a{2,}(?=$|[s_-])")
_LAST_OF_ADDRESS: Final = re.compile(r"1{1,3}(?=$|[s_-])")


def hosts_in(text: str) -> tuple[str, ...]:
    """The host of every link in `text`, lower case, each once. What cannot be read as a host is given as it stands.

    A mail address is not a link; a name with an @ and nothing after it is.
    """
    unseen_gone = "".join(char for char in text if unicodedata.category(char) != "Cf")
    first = unicodedata.normalize("NFKC", unseen_gone).translate(_FULL_STOPS)
    hosts = dict.fromkeys(_hosts(first))
    if not text.isascii():
        second = "".join(map(_or_space, unicodedata.normalize("NFC", text)))
        # An empty one here had letters that are spaces now; the first reading has seen it.
        hosts |= dict.fromkeys(host for host in _hosts(second) if host != "")
    return tuple(host or "://" for host in hosts)


def hosts_outside(text: str, allowed: Iterable[str]) -> tuple[str, ...]:
    """Those of the text's hosts that are neither one of `allowed` nor below one, and those that cannot be read."""
    names = [_folded(name).strip(".") for name in allowed]
    return tuple(
        host
        for host in hosts_in(text)
        if not is_host(host) or not any(host == name or host.endswith(f".{name}") for name in names if name)
    )


def is_host(name: str) -> bool:
    """Whether every reader takes `name` for the same host: letters, digits and hyphens between single full stops."""
    if ":" in name:
        return _IPV6.fullmatch(f"[{name}]") is not None
    labels = name.split(".")
    return len(name) <= _MOST_OF_A_HOST and all(
        0 < len(label) <= _MOST_OF_A_LABEL and not set(_shape(label)) - set("a1-") for label in labels
    )


def host_of(url: str) -> str | None:
    """The host of an absolute `http` or `https` URL, lower case; None when it is no such URL, or its host cannot be read."""
    start = re.match(r"https?://(?![/\\])", url, re.IGNORECASE)
    if start is None or re.search(r"[\s\\\x00-\x1f\x7f]", url):
        return None
    authority = _AUTHORITY.match(url, start.end())
    host = _host_of(authority[0]) if authority else ""
    return host if is_host(host) else None


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).translate(_FULL_STOPS).lower()


def _or_space(char: str) -> str:
    if char.isascii():
        return char
    return unicodedata.normalize("NFKC", char) if unicodedata.category(char) in _CASED else " "


def _shape(text: str) -> str:
    """The text with a sign for each character's kind, so that expressions can speak of all scripts: a letter, 1 digit, s symbol."""
    return "".join(map(_kind, text))


def _kind(char: str) -> str:
    if char.isascii():
        return "a" if char.isalpha() else "1" if char.isdigit() else " " if char.isspace() else char
    category = unicodedata.category(char)
    if category[0] in "LM":
        return "a"
    if category == "Nd":
        return "1"
    return "s" if category in _SYMBOLS else " "


def _hosts(text: str) -> Iterator[str]:
    """All hosts of one reading: those after a scheme, then the bare ones in what is left."""
    shape = _shape(text)
    left: list[str] = []
    done = 0
    found: list[tuple[int, str]] = []
    for scheme in _AFTER_SCHEME.finditer(text):
        authority = _AUTHORITY.match(text, scheme.end())
        end = authority.end() if authority else scheme.end()
        found.append((scheme.start(), _host_of(text[scheme.end() : end])))
        if end <= done:
            continue  # in another link's path: it counts, and its letters are taken already
        start = _start_of_scheme(text, scheme.start())
        if start > done:
            left.append(shape[done:start])
            done = start
        path = _PATH.match(text, end)
        end = path.end() if path else end
        left.append(" " * (end - done))
        done = end
    left.append(shape[done:])
    found += _bare(text, _without_mail(text, "".join(left)))
    yield from (host for _, host in sorted(found, key=lambda each: each[0]))


def _start_of_scheme(text: str, colon: int) -> int:
    """Where `http` or `https` begins: what stands before it without a space, as in `here.https://`, is not part of it."""
    for name in ("https", "http"):
        if text[max(0, colon - len(name)) : colon].lower() == name:
            return colon - len(name)
    return colon


def _host_of(authority: str) -> str:
    """The host as far as it can be read; else the authority, which no list has."""
    # What stands before an @ is a user name: https://example.com@evil.example goes to evil.example.
    user, _, host = authority.rpartition("@")
    if not _USER.fullmatch(user):
        return (
            authority.lower()
        )  # a phone may end the link before the @: https://evil.example|ada@example.com
    if bracketed := _IPV6.fullmatch(host):
        return bracketed[1].lower()
    end = len(host)  # the sentence's own signs after the link: no host ends in one
    while end and _kind(host[end - 1]) not in "a1" and host[end - 1] not in "-%[":
        end -= 1
    name, colon, port = host[:end].partition(":")
    if colon and not (port.isascii() and port.isdigit()):
        return authority.lower()
    return name.lower() or authority.lower()


def _without_mail(text: str, shape: str) -> str:
    """The shape with spaces for mail addresses."""
    left: list[str] = []
    done = 0
    for match in _MAIL.finditer(shape):
        domain = _NAME.match(shape, match.end())
        if domain is None or not set(match[0]) & set("a1"):
            continue
        labels = domain[0].split(".")
        if len(labels) < 2 or not _TOP_LEVEL.match(labels[-1]) or _AFTER_MAIL.match(text, domain.end()):
            continue
        left += [shape[done : match.start()], " " * (domain.end() - match.start())]
        done = domain.end()
    return "".join([*left, shape[done:]])


def _bare(text: str, shape: str) -> Iterator[tuple[int, str]]:
    """Where hosts without a scheme stand, and their names."""
    at = 0
    while match := _NAME.search(shape, at):
        at = match.end()
        for start, end in _fitting(shape, match.start(), match.end()):
            if (stop := _end_of_host(text, shape, start, end)) is not None:
                yield start, text[start:stop].lower()
                if stop == match.end() and (path := _PATH.match(text, stop)):
                    at = path.end()


def _fitting(shape: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The name cut at labels that are too long for a host: a phone begins anew after one."""
    begun, at = start, start
    for label in shape[start:end].split("."):
        if len(label) > _MOST_OF_A_LABEL:
            if at > begun:
                yield begun, at - 1
            begun = at + len(label) + 1
        at += len(label) + 1
    if begun < end:
        yield begun, end


def _end_of_host(text: str, shape: str, start: int, end: int) -> int | None:
    """Where the host that begins at `start` ends: after the last label that may be a top-level domain. None: it is no host."""
    labels = shape[start:end].split(".")
    last = _LAST_OF_ADDRESS.match(labels[-1])
    if len(labels) == 4 and last:
        stop = end - len(labels[-1]) + last.end()
        numbers = text[start:stop].split(".")
        if all(number.isascii() and number.isdigit() and int(number[:4]) <= 255 for number in numbers):
            return stop
    at = end
    for label in reversed(labels[1:]):
        begun = at - len(label)
        if text[begun : begun + 4].lower() == "xn--":
            return at
        if top := _TOP_LEVEL.match(label):
            return begun + top.end()
        at = begun - 1
    return None
