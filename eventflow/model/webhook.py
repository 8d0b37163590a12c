"""Signals that come from the web: a callback whose word a run waits for.

::

    paid = webhook(Order, "paid", verify=HMACSignature.stripe("whsec_..."))

    app = Eventflow(aggregates=[], processes=[Order], callbacks=[paid])      # POST /callbacks/paid/<run>

Everything that holds for callbacks holds here: who may call, what makes a call the same one when it comes again, that
its request is recorded, masked, together with what comes of it. What comes of it is the signal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack, cast

from eventflow.errors import BadInput, EventflowError, Misconfigured, did_you_mean
from eventflow.model.callback import CallbackOptions, CallbackReaction, callback
from eventflow.model.incoming import Incoming
from eventflow.model.process.awaiting import Signal, fitted
from eventflow.model.process.definition import Definition, definition_of
from eventflow.model.process.inbox import key_of
from eventflow.model.process.long_events import SignalReceived
from eventflow.model.process.process import Process
from eventflow.model.process.run import Run
from eventflow.model.process.status import RunStatus

OPEN = tuple(one for one in RunStatus if not one.is_over)


def webhook(
    process: type[Process],
    signal: str,
    *,
    data: Callable[[Incoming], Any] | None = None,
    **options: Unpack[CallbackOptions],
) -> CallbackReaction[Run, Any]:
    """A callback that says ``signal`` to a run: with the JSON of the request, or what ``data`` makes of it.

    It is called by the name of the signal unless ``name`` says otherwise; everything else is as for ``@callback``. What
    fits no step that awaits the signal is refused with ``BadInput``, and so is a run of another process. Raises
    ``Misconfigured`` when no step of the process awaits it.
    """
    definition = definition_of(process)
    awaiting = {one.awaits.name: one.function for one in definition.steps if isinstance(one.awaits, Signal)}
    if signal not in awaiting:
        near = did_you_mean(signal, list(awaiting))
        raise Misconfigured(f'webhook({process.__name__}, "{signal}"): no step of it awaits this signal.{near}')
    read = data or (lambda request: request.json() if request.content else None)

    def tell(run: Run, request: Incoming) -> SignalReceived:
        _refuse_another(run, definition)
        found = _read(read, request)
        fitted(awaiting[signal], found)
        return SignalReceived(name=signal, key=key_of(signal, found), data=found)

    named = cast(CallbackOptions, {"name": signal.replace("-", "_"), **options})
    made = callback(Run, expects=OPEN, complete=RunStatus.WAITING, failed=RunStatus.ERROR, **named)
    return made(tell)


def _refuse_another(run: Run, definition: Definition) -> None:
    if run.process != definition.name:
        raise BadInput(f"This callback is for runs of {definition.name}; {run.id} is one of {run.process}.")


def _read(read: Callable[[Incoming], Any], request: Incoming) -> Any:
    # User code that looks for something in what somebody else wrote: whatever it stumbles over is told to that one.
    try:
        return read(request)
    except EventflowError:
        raise
    except Exception as error:
        raise BadInput(f"The request does not say what the run is to be told: {type(error).__name__}.") from error
