"""The demo's world: a simulated carrier, the real server, the public address in front of it, and what all of them remember."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qs

from aiohttp import ClientError, ClientSession, ClientTimeout

from midcall_simulator.demo.deployment import PUBLIC_URL, Deployment
from midcall_simulator.demo.front_door import FrontDoor, Receipt
from midcall_simulator.demo.server_process import ServerProcess
from midcall_simulator.demo.timeline import Event, Form, Tone, Who
from midcall_simulator.demo.waiting import DemoFailed, until, until_true
from midcall_simulator.memory import SeenRequest, Text
from midcall_simulator.phones import mask
from midcall_simulator.simulator import Simulator
from midcall_simulator.twilio.errors import CODES

_LONGEST_REQUEST_S = 30.0
_ENDS = frozenset({"delivered", "undelivered", "failed"})
_TOOK = "takes the text"
_ANSWERED = {
    "accepted": f"{_TOOK} (201)",
    "fault unregistered": f"{_TOOK} (201)",
    "fault drop_after": f"{_TOOK}, and the connection breaks before its answer",
    "fault hang_after": f"{_TOOK}, and does not answer",
    "fault rate_limited": "answers 429: too many requests, nothing taken",
}


class World:
    """Everything on this machine, in a temporary folder, from `async with` to its end: nothing is left behind.

    The server is there once it has been started.
    """

    sim: Simulator
    deployment: Deployment
    http: ClientSession
    server: ServerProcess

    def __init__(self, *, receipts_s: float) -> None:
        self.door = FrontDoor()
        self.server_log: list[str] = []
        """What the server wrote to standard error: complete once the world has ended."""
        self.settings_shown = ""
        """The server's settings without their secrets; empty until they are written."""
        self._receipts_s = receipts_s
        self._stack = AsyncExitStack()
        self._posts_told = self._lookups_told = self._receipts_told = 0
        self._on_the_way: list[Text] = []
        self._texts_told = 0

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="midcall-demo-")))
            await self.door.start()
            stack.push_async_callback(self.door.aclose)
            # Receipts are signed for the public URL and arrive here, as behind a reverse proxy.
            self.sim = await stack.enter_async_context(
                Simulator(callback_delay=self._receipts_s, magic=False, routes={PUBLIC_URL: self.door.url})
            )
            self.deployment = Deployment(
                carrier_url=self.sim.url,
                account_sid=self.sim.account.sid,
                auth_token=self.sim.account.token,
            )
            settings = folder / "midcall.toml"
            settings.write_text(self.deployment.settings(), encoding="utf-8")
            self.settings_shown = self.deployment.shown()
            self.http = await stack.enter_async_context(
                ClientSession(timeout=ClientTimeout(total=_LONGEST_REQUEST_S), trust_env=False)
            )
            self.server = ServerProcess(settings, log=self.server_log)
            stack.push_async_callback(self.server.aclose)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def start_server(self) -> float:
        """Start the server and put it behind the public address. Answers the seconds until it was ready."""
        self.door.server_url, seconds = await self.server.start()
        return seconds

    # What the server says of itself ----------------------------------------------------------------------------------

    async def ask(self, path: str) -> Mapping[str, Any]:
        """A page of the server's API, as JSON. Raises `DemoFailed` when it cannot be had."""
        headers = {"Authorization": f"Bearer {self.deployment.api_token}"}
        try:
            async with self.http.get(f"{self.door.server_url}{path}", headers=headers) as answer:
                if answer.status == 200:
                    found: Mapping[str, Any] = await answer.json()
                    return found
                raise DemoFailed(f"GET {path} was answered {answer.status}: {(await answer.text())[:200]}")
        except (ClientError, OSError) as error:  # TimeoutError is an OSError
            raise DemoFailed(f"GET {path} got no answer: {type(error).__name__}") from None

    async def message(self, identity: str) -> Mapping[str, Any]:
        """A message with its attempts and its timeline."""
        return await self.ask(f"/messages/{identity}")

    async def message_when(self, identity: str, state: str) -> Mapping[str, Any]:
        """The same, once it is in that state."""

        async def look() -> Mapping[str, Any] | None:
            message = await self.message(identity)
            return message if message["state"] == state else None

        return await until(look, f"message {identity} to become {state}")

    # What the carrier remembers --------------------------------------------------------------------------------------

    async def text_to(self, number: str) -> Text:
        """The latest text the carrier has taken for this phone, once there is one."""

        async def look() -> Text | None:
            texts = self.sim.texts_to(number)
            return texts[-1] if texts else None

        return await until(look, f"the carrier to take a text to {mask(number)}")

    async def receipt(self, text: Text, status: Literal["sent", "delivered", "undelivered"]) -> Receipt:
        """The receipt of that status, once the server has answered it."""

        async def look() -> Receipt | None:
            return self.door.receipt(text.sid, status)

        return await until(look, f"the receipt {status!r} of {text.sid[:8]}… to be answered")

    async def looked_up(self, sender: str, last: Literal["IncomingPhoneNumbers.json", "Usa2p"]) -> None:
        """Return once the server has asked the carrier about this sender, up to its `last` question."""

        def asked() -> bool:
            paths = [seen.path for seen in self.sim.lookups]
            numbers = [dict(seen.query).get("PhoneNumber") for seen in self.sim.lookups]
            return sender in numbers and any(
                path.endswith(f"/{last}") for path in paths[numbers.index(sender) :]
            )

        await until_true(asked, f"the server to look up the sender {mask(sender)}")

    # News for the timeline -------------------------------------------------------------------------------------------

    def news(self) -> Iterator[Event]:
        """What the carrier, the public address and the phones have seen since this was asked before."""
        yield from self._new_lookups()
        posts = self.sim.requests[self._posts_told :]
        self._posts_told += len(posts)
        yield from (_post(seen) for seen in posts)
        receipts = self.door.receipts[self._receipts_told :]
        self._receipts_told += len(receipts)
        yield from (_receipt(receipt) for receipt in receipts)
        yield from self._new_texts()

    def _new_lookups(self) -> Iterator[Event]:
        lookups = self.sim.lookups[self._lookups_told :]
        self._lookups_told += len(lookups)
        if lookups:
            asked = [seen.path.rsplit("/", 1)[-1].removesuffix(".json") for seen in lookups]
            words = f"is asked about the sender: {', '.join(dict.fromkeys(asked))}"
            yield Event(at=lookups[0].at, who=Who.TWILIO, words=words, facts={"lookups": asked})

    def _new_texts(self) -> Iterator[Event]:
        new = self.sim.texts[self._texts_told :]
        self._texts_told += len(new)
        self._on_the_way += new
        for text in list(self._on_the_way):
            if text.status not in _ENDS:
                continue
            self._on_the_way.remove(text)
            facts = {"to": mask(text.to), "from": mask(text.from_), "status": text.status, "sid": text.sid}
            if text.status == "delivered":
                yield Event(
                    at=text.updated_at,
                    who=Who.PHONE,
                    words=text.body,
                    form=Form.TEXT,
                    tone=Tone.GOOD,
                    facts=facts,
                )
            else:
                words = f"{mask(text.to)} gets nothing: the network did not take it"
                yield Event(at=text.updated_at, who=Who.PHONE, words=words, tone=Tone.BAD, facts=facts)


def _post(seen: SeenRequest) -> Event:
    form = {name: values[0] for name, values in parse_qs(seen.body.decode("utf-8", "replace")).items()}
    from_, to = mask(form.get("From", "")), mask(form.get("To", ""))
    refused, _, code = seen.outcome.partition(" ")
    what = _ANSWERED.get(seen.outcome, seen.outcome)
    if refused == "refused":
        what = f"refuses it ({code}): {CODES.get(int(code), 'not known here')}"
    return Event(
        at=seen.at,
        who=Who.TWILIO,
        words=f"{what}: {from_} → {to}",
        tone=Tone.PLAIN if seen.sid is not None else Tone.BAD,
        facts={"from": from_, "to": to, "outcome": seen.outcome, "sid": seen.sid},
    )


def _receipt(receipt: Receipt) -> Event:
    code = f" ({receipt.code}: {CODES.get(int(receipt.code), 'unknown')})" if receipt.code.isdecimal() else ""
    return Event(
        at=receipt.at,
        who=Who.TWILIO,
        words=f"receipt: {receipt.status}{code} → {receipt.answered}",
        tone=Tone.BAD if code else Tone.PLAIN,
        facts={"sid": receipt.sid, "status": receipt.status, "http": receipt.answered},
    )
