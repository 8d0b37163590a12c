"""Commands that are imported when they are called: ``--help`` costs nothing but the command line itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from inspect import cleandoc
from typing import Any, NamedTuple

import click

from eventflow.cli.output import Session
from eventflow.errors import did_you_mean

_EXAMPLES = re.compile("^(Examples?:)$", re.MULTILINE)


class Elsewhere(NamedTuple):
    """A command that is not imported yet: where it is (``module:attribute``), and its line in the list."""

    place: str
    help: str

    def load(self) -> click.Command:
        """The command itself."""
        module, _, attribute = self.place.partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command), self.place
        return command


class LazyGroup(click.Group):
    """A group of commands, of which some are ``Elsewhere``."""

    # click hands the group whatever its own options are.
    def __init__(self, *args: Any, elsewhere: Mapping[str, Elsewhere], **options: Any) -> None:
        super().__init__(*args, **options)
        self.elsewhere = elsewhere

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which they were given."""
        return [*self.elsewhere, *(name for name in self.commands if name not in self.elsewhere)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, imported now."""
        if cmd_name not in self.elsewhere:
            return super().get_command(ctx, cmd_name)
        if cmd_name not in self.commands:
            self.commands[cmd_name] = _dressed(self.elsewhere[cmd_name].load())
        return self.commands[cmd_name]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant; for a name that is none, the nearest one is suggested."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f'There is no command "{name}".{did_you_mean(name, self.list_commands(ctx))}')
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in the help, written without importing what it lists."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, one.help) for name, one in self.elsewhere.items()])


def _dressed(command: click.Command) -> click.Command:
    """The command, and those in it, with ``--json`` behind their names as well as in front.

    The examples at the end of their help stay as they were written: click wraps a paragraph unless it begins with a
    backspace.
    """
    command.help = _EXAMPLES.sub("\b\n\\1", cleandoc(command.help or ""))
    if isinstance(command, click.Group):
        for one in command.commands.values():
            _dressed(one)
    elif not any("--json" in one.opts for one in command.params):
        command.params.append(
            click.Option(["--json"], is_flag=True, expose_value=False, callback=_switch, help="Answer as JSON.")
        )
    return command


def _switch(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    session = ctx.find_object(Session)
    if session is not None:
        session.json = session.json or value
