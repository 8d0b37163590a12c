"""``eventflow``: the options before the command, the list of the commands, and the end of each with its exit code."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from eventflow.__about__ import __version__
from eventflow.cli.exits import Code, code_of, hint_of
from eventflow.cli.lazy import Elsewhere, LazyGroup
from eventflow.cli.output import Session
from eventflow.errors import EventflowError

COMMANDS = {
    "demo": Elsewhere(
        "eventflow.cli.demo.command:demo", "Real files through their statuses, from failure to recovery."
    ),
    "worker": Elsewhere("eventflow.cli.worker:worker", "Do the work of an application until told to stop."),
    "dashboard": Elsewhere("eventflow.cli.dashboard:dashboard", "Show an application on pages, and steer it there."),
    "items": Elsewhere("eventflow.cli.items:items", "Find items, look at one, read its history."),
    "trace": Elsewhere("eventflow.cli.trace:trace", "What led to what, across streams."),
    "failed": Elsewhere("eventflow.cli.failed:failed", "What failed, grouped by error."),
    "defibrillate": Elsewhere("eventflow.cli.defibrillate:defibrillate", "Bring what failed back to work."),
    "cancel": Elsewhere("eventflow.cli.cancel:cancel", "Let go of an item, whatever is being done about it."),
    "wake": Elsewhere("eventflow.cli.cancel:wake", "Let what was put aside go on now."),
    "process": Elsewhere("eventflow.cli.process.group:process", "Runs of processes: find, start, restart, abandon."),
    "batches": Elsewhere("eventflow.cli.batches:batches", "What brings very many items back; suspend, resume, cancel."),
    "run": Elsewhere("eventflow.cli.run:run", "Run a command of the application, under its lock."),
    "locks": Elsewhere("eventflow.cli.locks:locks", "How commands stand; disable them, clear what a dead one left."),
    "queues": Elsewhere("eventflow.cli.queues:queues", "What waits on each queue; pause one, let it go on."),
    "scheduler": Elsewhere("eventflow.cli.scheduler:scheduler", "What is done again and again; pause it, trigger it."),
    "probe": Elsewhere("eventflow.cli.probe:probe", "Look now for what stands in a status for too long."),
    "flows": Elsewhere("eventflow.cli.flows.group:flows", "Definitions of flows, and which of them a subject gets."),
    "log": Elsewhere("eventflow.cli.log:log", "Read the log: its end, one event, figures."),
    "archive": Elsewhere("eventflow.cli.archive:archive", "Old bodies in the object storage: compress, verify, gc."),
    "erase": Elsewhere("eventflow.cli.erase:erase", "Make what items hold unreadable, for good and everywhere."),
    "keys": Elsewhere("eventflow.cli.keys:keys", "The master keys behind what can be erased; rotate them."),
    "projections": Elsewhere("eventflow.cli.projections:projections", "State of the projections; rebuild, verify."),
    "schema": Elsewhere("eventflow.cli.schema:schema", "The tables of the database; upgrade, verify."),
    "vocabulary": Elsewhere("eventflow.cli.vocabulary:vocabulary", "The words of the log; lock and compare them."),
    "doctor": Elsewhere("eventflow.cli.doctor:doctor", "Look at settings, services, schema and clocks."),
    "version": Elsewhere("eventflow.cli.version:version", "Which versions are at work."),
}


class Shell(LazyGroup):
    """The outermost group: whatever a command raises ends here as a message and an exit code."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = "eventflow",
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line and exit; without ``standalone_mode``, run it and let errors pass."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode, **extra)
        arguments = list(sys.argv[1:] if args is None else args)
        sys.exit(self._run(arguments, prog_name, complete_var, **extra))

    # ``extra`` is whatever click's contexts take; CliRunner makes use of it.
    def _run(self, arguments: list[str], prog_name: str | None, complete_var: str | None, **extra: Any) -> int:
        try:
            result = super().main(list(arguments), prog_name, complete_var, False, **extra)
        except click.Abort:
            return Code.INTERRUPTED
        except click.ClickException as error:
            return _misused(error, arguments)
        except EventflowError as error:
            _complain(arguments, error.code, str(error), hint_of(error))
            return code_of(error)
        except Exception as error:  # noqa: BLE001 - whatever a command did not expect is told without a traceback
            hint = "This was not expected. Say it again with -vv before the command to see where it happened."
            _complain(arguments, "unexpected", f"{type(error).__name__}: {error}", hint)
            return Code.SOME_FAILED
        return result if isinstance(result, int) else Code.OK


@click.group(
    cls=Shell,
    elsewhere=COMMANDS,
    name="eventflow",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--app", metavar="MODULE:ATTR", help="Where the application is. Default: EVENTFLOW_APP, or app.py.")
@click.option("--database", metavar="URL", help="sqlite:///FILE or postgresql://... Default: EVENTFLOW_DATABASE.")
@click.option("--broker", metavar="URL", help="embedded://, amqp://... or redis://... Default: EVENTFLOW_BROKER.")
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON on standard output.")
@click.option("-v", "--verbose", count=True, help="Say more; -vv tells everything, with tracebacks.")
@click.option("-q", "--quiet", is_flag=True, help="Say only what was asked for.")
@click.option("--no-color", is_flag=True, help="No colours, as NO_COLOR in the environment.")
@click.version_option(__version__, prog_name="eventflow")
@click.pass_context
def cli(
    ctx: click.Context,
    app: str | None,
    database: str | None,
    broker: str | None,
    as_json: bool,
    verbose: int,
    quiet: bool,
    no_color: bool,
) -> None:
    """Event-sourced workflows: one log, and everything that is done with it."""
    if verbose and quiet:
        raise click.UsageError("--verbose and --quiet contradict each other.")
    ctx.color = False if no_color or os.environ.get("NO_COLOR") else None
    ctx.obj = Session(app, database, broker, as_json, -1 if quiet else verbose, no_color)


def main() -> NoReturn:
    """The program ``eventflow``."""
    _listen(_verbosity(sys.argv[1:]))
    cli.main()
    raise AssertionError("the group exits")


def _listen(verbosity: int) -> None:
    """Show log records on standard error."""
    level = {0: logging.WARNING, 1: logging.INFO}.get(verbosity, logging.DEBUG)
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if verbosity < 2:
        # What they say below that is about their own insides; of a server that is away pika tells six times, with
        # tracebacks, before dramatiq says it once.
        for name, lowest in (("pika", logging.CRITICAL), ("dramatiq", logging.WARNING), ("urllib3", logging.ERROR)):
            logging.getLogger(name).setLevel(lowest)


def _misused(error: click.ClickException, arguments: Sequence[str]) -> int:
    """What click found wrong with the command line."""
    if _wants_json(arguments):
        context = getattr(error, "ctx", None)
        hint = f'See "{context.command_path} --help".' if context else None
        _complain(arguments, "usage", error.format_message(), hint)
    else:
        error.show()
    return error.exit_code


def _complain(arguments: Sequence[str], code: str, message: str, hint: str | None) -> None:
    """Tell an error; must be called while it is handled."""
    # Costly to import, and seldom needed.
    from eventflow.model.masking import Masker

    masker = Masker()
    if _verbosity(arguments) > 1:
        click.echo(masker.text(traceback.format_exc()), err=True)
    if _wants_json(arguments):
        error = {"code": code, "message": masker.text(message), "hint": hint}
        click.echo(json.dumps({"error": error}, ensure_ascii=False), err=True)
    else:
        click.echo(f"Error: {masker.text(message)}" + (f"\n{hint}" if hint else ""), err=True)


# The command line is read here once more, by eye: it may be the very thing that could not be read.


def _wants_json(arguments: Sequence[str]) -> bool:
    return "--json" in _before_operands(arguments)


def _verbosity(arguments: Sequence[str]) -> int:
    """How much was asked for.

    >>> _verbosity(["-v", "items", "list"]), _verbosity(["-vv"]), _verbosity(["demo", "--", "-v"])
    (1, 2, 0)
    """
    found = [re.fullmatch(r"-(v+)|--verbose", one) for one in _before_operands(arguments)]
    return sum(len(one[1] or "v") for one in found if one)


def _before_operands(arguments: Sequence[str]) -> Sequence[str]:
    return arguments[: arguments.index("--")] if "--" in arguments else arguments
