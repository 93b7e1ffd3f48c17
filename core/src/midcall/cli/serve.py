"""`midcall serve`."""

from __future__ import annotations

from pathlib import Path

import click

from midcall.cli.options import HELP, config_option, settings_from

_EXTRA = ("httptools", "starlette", "uvicorn", "uvloop")
"""What the extra `server` brings."""


@click.command("serve", context_settings=HELP)
@config_option
@click.option("--host", help="Address to listen on (server.host; 127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port to listen on (server.port; 8080).")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="How much is logged to standard error.",
)
def command(config: Path | None, host: str | None, port: int | None, log_level: str) -> None:
    """Answer tool calls, call events and carrier callbacks over HTTP.

    Listens on loopback by default, behind your proxy. Beyond loopback it needs server.token and server.public_url.
    """
    try:
        from midcall.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        raise click.ClickException(f"the server needs {error.name}: pip install 'midcall[server]'") from None
    settings = settings_from(config)
    _log(log_level.upper())
    serve(
        settings,
        host=host,
        port=port,
        ready=lambda url: click.echo(f"midcall is ready on {url}", err=True),
    )


def _log(level: str) -> None:
    """Midcall's and its plugins' own lines from `level` on; of anything else (an SDK writes whole requests) warnings only."""
    import logging

    from midcall.plugins.discovery import discover

    logging.basicConfig(
        level=max(logging.WARNING, logging.getLevelName(level)),
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
    )
    modules = {plugin.value.partition(":")[0].partition(".")[0] for plugin in discover() if plugin.value}
    for name in {"midcall", *modules}:
        logging.getLogger(name).setLevel(level)
