"""Core's own verdicts: segments, links, what content the sender allows, and the country as seen from the actual sender."""

from __future__ import annotations

from collections.abc import Callable

from midcall.builtin.links import hosts_in, hosts_outside
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
        return self._segments(draft) or self._links(draft) or self._content(draft) or Verdict.allow()

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
            Reason.LINK_NOT_ALLOWED, f"tool {draft.tool.name!r} does not allow links to {', '.join(refused)}"
        )

    def _content(self, draft: Draft) -> Verdict | None:
        if draft.sender.content is ContentRule.TEMPLATE and draft.content.template is None:
            return Verdict.deny(
                Reason.CONTENT_NOT_ALLOWED, "this sender takes templates only", of_sender=True
            )
        return None
