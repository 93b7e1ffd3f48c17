"""`midcall demo`: played by the distribution that has the simulator, found by entry point."""

from __future__ import annotations

from importlib.metadata import entry_points

import click

from midcall.cli.options import HELP, json_option

GROUP = "midcall.demo"


@click.command("demo", context_settings=HELP)
@click.option("--fast", is_flag=True, help="Do not pause between the scenes.")
@json_option
def command(fast: bool, as_json: bool) -> None:
    """Play a whole simulated call: carrier, server and caller, all on this machine; no account needed.

    Every text is counted where the carrier would have taken it. Exits with 1 unless each left exactly as often as it should.
    """
    found = sorted(entry_points(group=GROUP), key=lambda point: point.name)
    if not found:
        raise click.ClickException(
            "the demo comes with the simulator: pip install 'midcall-simulator[demo]' "
            "(in a checkout: nox -s demo)"
        )
    try:
        play = found[0].load()
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"the demo needs {error.name}: pip install 'midcall-simulator[demo]'"
        ) from None
    raise click.exceptions.Exit(play(fast=fast, as_json=as_json))
