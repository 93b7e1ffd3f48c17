"""The `midcall-simulator` command."""

from __future__ import annotations

import argparse
import asyncio
import errno
import json
import signal
import sys
from collections.abc import Sequence

from midcall_simulator.callbacks import NotLoopbackError
from midcall_simulator.simulator import Simulator
from midcall_simulator.twilio import DEFAULT_ACCOUNT_SID, DEFAULT_AUTH_TOKEN

DEFAULT_PORT = 9001


def main(argv: Sequence[str] | None = None) -> int:
    """Run the simulator until SIGINT or SIGTERM. Returns 0, or 2 when it cannot start."""
    asked = _parser().parse_args(argv)
    try:
        routes = dict(_route(route) for route in asked.route)
        return asyncio.run(_run(asked, routes))
    except OSError as problem:
        reason = f"port {asked.port} is in use" if problem.errno == errno.EADDRINUSE else str(problem)
        return _fail(f"{reason}: choose another with --port, or --port 0 for a free one")
    except (NotLoopbackError, ValueError) as problem:
        return _fail(str(problem))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="midcall-simulator",
        description="A simulated SMS carrier on 127.0.0.1. It takes texts, sends signed receipts, and sends no text.",
    )
    parser.add_argument(
        "--port", type=_port, default=DEFAULT_PORT, help="default %(default)s; 0 takes a free one"
    )
    parser.add_argument("--account-sid", default=DEFAULT_ACCOUNT_SID, help="default %(default)s")
    parser.add_argument("--auth-token", default=DEFAULT_AUTH_TOKEN, help="default %(default)s")
    parser.add_argument(
        "--number",
        action="append",
        metavar="+1...",
        help="a registered number the account owns, in place of the fictional ones; repeatable",
    )
    parser.add_argument(
        "--route",
        action="append",
        default=[],
        metavar="PUBLIC=LOOPBACK",
        help="deliver callbacks for a public URL to a loopback one; repeatable",
    )
    parser.add_argument(
        "--callback-delay",
        type=float,
        default=0.05,
        metavar="SECONDS",
        help="between statuses; default %(default)s",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one line of JSON when ready, and nothing else"
    )
    return parser


async def _run(asked: argparse.Namespace, routes: dict[str, str]) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    simulator = Simulator(
        port=asked.port,
        account_sid=asked.account_sid,
        auth_token=asked.auth_token,
        numbers=asked.number,
        callback_delay=asked.callback_delay,
        routes=routes,
    )
    async with simulator as sim:
        _say(_ready_json(sim) if asked.json else _ready_words(sim, asked.auth_token))
        await stop.wait()
    return 0


def _ready_json(sim: Simulator) -> str:
    return json.dumps(
        {
            "ready": True,
            "url": sim.url,
            "account_sid": sim.account.sid,
            "numbers": sorted(sim.account.numbers),
        }
    )


def _ready_words(sim: Simulator, auth_token: str) -> str:
    token = auth_token if auth_token == DEFAULT_AUTH_TOKEN else "(as given)"
    return "\n".join(
        [
            f"The simulated carrier is ready at {sim.url}",
            f"  account SID  {sim.account.sid}",
            f"  auth token   {token}",
            f"  numbers      {', '.join(sorted(sim.account.numbers)) or 'none'}",
            f"  texts        {sim.url}/_sim/texts",
            "Stop it with Ctrl-C.",
        ]
    )


def _port(value: str) -> int:
    if not value.isdecimal() or int(value) > 65535:
        raise argparse.ArgumentTypeError(f"{value!r} is not a port: use 0 to 65535")
    return int(value)


def _route(route: str) -> tuple[str, str]:
    public, separator, target = route.partition("=")
    if not separator:
        raise ValueError(f"--route {route!r} has no '=': write PUBLIC=LOOPBACK")
    return public, target


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def _fail(reason: str) -> int:
    sys.stderr.write(f"midcall-simulator: {reason}\n")
    return 2
