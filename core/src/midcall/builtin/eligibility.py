"""Core's own verdicts: segments, links, media, what content the sender allows, and the country as seen from the actual sender."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import ip_address

from midcall.builtin.links import host_of, hosts_in, hosts_outside, is_host
from midcall.content import Segments
from midcall.contract.markers import hookimpl
from midcall.contract.messages import Draft, Verdict
from midcall.contract.reasons import Reason
from midcall.contract.senders import ContentRule


class CoreRules:
    """`count` tells how a draft's text is coded by its sender's carrier and what it costs."""

    def __init__(self, count: Callable[[Draft], Segments]) -> None:
        self._count = count

    @hookimpl
    def midcall_check_eligibility(self, draft: Draft) -> Verdict:
        """The first rule that is broken, or an allowance."""
        return (
            self._segments(draft)
            or self._links(draft)
            or self._media(draft)
            or self._content(draft)
            or Verdict.allow()
        )

    def _segments(self, draft: Draft) -> Verdict | None:
        counted = self._count(draft)
        if counted.count <= draft.tool.max_segments:
            return None
        costly = f" (these make it UCS-2: {' '.join(counted.offenders[:5])})" if counted.offenders else ""
        return Verdict.deny(
            Reason.CONTENT_TOO_LONG,
            f"the text takes {counted.count} segments in {counted.encoding}, tool {draft.tool.name!r} allows "
            f"{draft.tool.max_segments}{costly}",
        )

    def _links(self, draft: Draft) -> Verdict | None:
        rule, text = draft.tool.links, draft.content.text
        if rule == "any":
            return None
        refused = hosts_in(text) if rule == "none" else hosts_outside(text, rule)
        if not refused:
            return None
        return Verdict.deny(
            Reason.LINK_NOT_ALLOWED, f"tool {draft.tool.name!r} does not allow links to {_named(refused)}"
        )

    def _media(self, draft: Draft) -> Verdict | None:
        """Looked at as they would be sent: a plugin may have changed them."""
        rule = draft.tool.links
        for at, url in enumerate(draft.content.media):
            host = host_of(url)
            if host is None:
                return Verdict.deny(
                    Reason.MEDIA_NOT_SUPPORTED,
                    f"media.{at} is not a whole URL that a carrier can fetch; give one such as https://example.com/a.png, "
                    "without spaces",
                )
            if not url.lower().startswith("https:") and not (
                _is_loopback(host) or host in _hosts_over_http(draft.tool.media)
            ):
                return Verdict.deny(
                    Reason.MEDIA_NOT_SUPPORTED,
                    f"media.{at} is not https; give an https URL, or write http with this host in the tool's media",
                )
            if not isinstance(rule, str) and hosts_outside(_origin(host), rule):
                return Verdict.deny(
                    Reason.LINK_NOT_ALLOWED,
                    f"tool {draft.tool.name!r} does not allow media from {host}; add it to the tool's links",
                )
        return None

    def _content(self, draft: Draft) -> Verdict | None:
        if draft.sender.content is ContentRule.TEMPLATE and draft.content.template is None:
            return Verdict.deny(
                Reason.CONTENT_NOT_ALLOWED, "this sender takes templates only", of_sender=True
            )
        return None


def _named(hosts: Iterable[str]) -> str:
    """The hosts in words. What cannot be read as one is not repeated: it may be anything."""
    return ", ".join(dict.fromkeys(host if is_host(host) else "an unreadable host" for host in hosts))


def _origin(host: str) -> str:
    return f"https://[{host}]/" if ":" in host else f"https://{host}/"


def _hosts_over_http(media: Iterable[str]) -> set[str]:
    """Hosts that the tool's own media name with http."""
    plain = (url.partition("{{")[0] for url in media if url.lower().startswith("http:"))
    return {host for url in plain if (host := host_of(url)) is not None}


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
