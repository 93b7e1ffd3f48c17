"""`midcall`: the list of commands. Each is imported when it is used, so that `--help` stays fast."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import NoReturn

import click

from midcall.cli.exits import Exit

COMMANDS = {
    "demo": ("midcall.cli.demo", "A whole simulated call with every text on a timeline; no account needed."),
    "serve": ("midcall.cli.serve", "Answer tool calls, call events and carrier callbacks over HTTP."),
    "send": ("midcall.cli.send", "Show what a tool would send, and send it with --yes."),
    "plugins": ("midcall.cli.plugins", "List the plugins that are installed, and what became of each."),
    "messages": ("midcall.cli.messages", "List texts, or show one with its attempts and timeline."),
    "optouts": ("midcall.cli.optouts", "List, add, remove and import numbers that want no texts."),
}


class LazyCommands(click.Group):
    """Knows every command's name and one-line help without importing it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The order of a first reading."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name][0]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, and a misspelt name gets the one that was probably meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1)
            if not near:
                raise
        raise click.UsageError(f"there is no command {args[0]!r}. Did you mean {near[0]}?", ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list for `--help`, from the table above."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_module, words) in COMMANDS.items()])


@click.group(
    cls=LazyCommands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(None, "--version", package_name="midcall", message="midcall %(version)s")
@click.pass_context
def midcall(ctx: click.Context) -> None:
    """Text the caller while they are on the line, from whichever carrier the number lives on.

    Settings come from midcall.toml in the working folder (or --config, or MIDCALL_CONFIG) and MIDCALL_* variables.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> NoReturn:
    """Run, and say what went wrong in words: no traceback is a user's first answer."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a character this terminal lacks is no reason to fail
    try:
        # Without its standalone mode click answers the exit code that a command left with.
        code = midcall(prog_name="midcall", standalone_mode=False)
    except click.ClickException as error:
        _say_usage(error)
        sys.exit(Exit.USAGE)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        sys.exit(Exit.STOPPED)
    except Exception as error:  # noqa: BLE001 - the last resort: what is not ours to expect still gets words
        sys.exit(_say(error))
    sys.exit(code if isinstance(code, int) else Exit.OK)


def _say_usage(error: click.ClickException) -> None:
    """How the command is used, if that is what was wrong, then what is wrong."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None:
        click.echo(context.get_usage(), err=True)
        click.echo(f"Try '{context.command_path} --help' for help.\n", err=True)
    click.echo(f"error: {error.format_message()}", err=True)


def _say(error: Exception) -> int:
    """Midcall's own errors are fit for a person; anything else is a fault of ours, and is said so."""
    from midcall.contract.errors import ConfigError, LedgerError, MidcallError

    if isinstance(error, ConfigError):
        for problem in error.problems:
            click.echo(f"error: {problem}", err=True)
        return Exit.USAGE
    if isinstance(error, MidcallError):
        click.echo(f"error: {error}", err=True)
        return Exit.LEDGER if isinstance(error, LedgerError) else Exit.USAGE
    click.echo(f"error: Midcall failed unexpectedly: {type(error).__name__}: {error}", err=True)
    if os.environ.get("MIDCALL_TRACEBACK"):
        import traceback

        traceback.print_exception(error)
    else:
        click.echo("Set MIDCALL_TRACEBACK=1 to see where, and please report it.", err=True)
    return Exit.FAULT
