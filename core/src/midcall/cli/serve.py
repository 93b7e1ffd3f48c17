"""`midcall serve`."""

from __future__ import annotations

from pathlib import Path

import click

from midcall.cli.options import config_option, settings_from


@click.command("serve")
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
    import logging

    try:
        from midcall.server import serve
    except ModuleNotFoundError as error:
        raise click.ClickException(f"the server needs {error.name}: pip install 'midcall[server]'") from None
    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    for noisy in ("alembic", "uvicorn.error"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(log_level.upper())))
    serve(
        settings_from(config),
        host=host,
        port=port,
        ready=lambda url: click.echo(f"midcall is ready on {url}", err=True),
    )
