"""Callbacks: what another system says of its own accord, bound to the statuses in which it may be said.

::

    @callback(
        Order, expects=Status.WAITING, complete=Status.PAID, failed=Status.ERROR,
        verify=HMACSignature.stripe("whsec_..."), fingerprint=lambda request: request.json()["id"],
    )
    def paid(order: Order, request: Incoming) -> Paid:
        return Paid(amount=request.json()["amount"])

    paid(an_order, Incoming.of({"amount": 12}))        # still a plain function

A callback is a command: it is checked, decided on and recorded in one append, together with the key that its
fingerprint makes; nothing is claimed before and nothing is left half done. Whoever has much to do when it has come
binds a task to the status that it leads to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from enum import Enum
from types import EllipsisType
from typing import Any, ClassVar, Generic, TypedDict, Unpack, cast, overload
from uuid import UUID

from typing_extensions import TypeVar

from eventflow.errors import BadInput, Misconfigured, SignatureRefused, WrongContent
from eventflow.model.aggregate import Aggregate
from eventflow.model.annotations import nearby
from eventflow.model.event import Event, snake_case
from eventflow.model.handlers import made, owner_of, step_of
from eventflow.model.incoming import Incoming
from eventflow.model.key import FOR_A_WEEK, Key
from eventflow.model.masking import Masker
from eventflow.model.reaction import Reaction
from eventflow.model.signature import Verify
from eventflow.model.transition import Transition

A = TypeVar("A", bound=Aggregate[Any])
R = TypeVar("R", default=Event | Sequence[Event] | None)
T = TypeVar("T")
Told = TypeVar("Told", bound=Event | Sequence[Event] | None)

JSON = "application/json"
STEPS = ("expects", "processing", "complete", "failed")


class CallbackOptions(TypedDict, total=False):
    """What ``callback`` takes beside the statuses."""

    verify: Verify | EllipsisType | None
    fingerprint: Callable[[Incoming], str | None] | None
    fingerprint_scope: str | Callable[[Incoming], str] | None
    lifetime: timedelta | None
    identify: Callable[[Incoming], UUID] | None
    accepts: Sequence[str]
    methods: Sequence[str]
    silent: bool
    masker: Masker | None
    name: str | None


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class CallbackReaction(Reaction[A, R]):
    """A function bound to a call from outside: what ``@callback`` makes.

    ``expects``: the statuses in which it may come. ``processing``, ``complete`` and ``failed`` are what they are for a
    task, or a function of document and request that chooses the status.
    """

    function: Callable[..., Any]
    expects: tuple[Enum, ...]
    verify: Verify | EllipsisType | None = ...
    fingerprint: Callable[[Incoming], str | None] | None = None
    fingerprint_scope: str | Callable[[Incoming], str] | None = None
    lifetime: timedelta | None = None
    identify: Callable[[Incoming], UUID] | None = None
    accepts: Sequence[str] = (JSON,)
    methods: Sequence[str] = ("POST",)
    silent: bool = False

    def __call__(self, document: A, request: Incoming, /) -> R:  # type: ignore[override]  # a call has two sides
        """Call the function, as if it had never been decorated."""
        return cast(R, self.function(document, request))

    def let_in(self, request: Incoming, now: datetime) -> None:
        """Raises ``SignatureRefused``, ``WrongContent`` or ``Malformed`` when this request is not to be listened to."""
        if self.verify is ... or (self.verify is not None and not self.verify(request, now)):
            raise SignatureRefused("it could not be verified")
        if not request.content:
            return
        kind = request.content_type
        if self.accepts and not any(_is_of(kind, wanted) for wanted in self.accepts):
            raise WrongContent(kind or None, tuple(self.accepts))
        if _is_of(kind, JSON):
            request.json()

    def key(self, request: Incoming, lifetime: timedelta = FOR_A_WEEK) -> Key | None:
        """What makes this request the same one when it comes again, or None if nothing does."""
        if self.fingerprint is None:
            return None
        found = _found(self.fingerprint, request, "what makes it the same one when it comes again")
        if not found:
            return None
        scope = self.fingerprint_scope
        told = _found(scope, request, "the scope of its fingerprint") if callable(scope) else scope
        return Key(
            str(found), f"callback/{told or f'{self.aggregate.category}/{self.name}'}", self.lifetime or lifetime
        )

    def whose(self, request: Incoming) -> UUID:
        """The stream that it is about, by ``identify``. Raises ``BadInput`` when the request does not say."""
        if self.identify is None:
            raise BadInput(f"The callback {self.name} has to be told whose it is: name the id in the address.")
        return _found(self.identify, request, "whose it is")

    def chosen(self, document: A, request: Incoming) -> CallbackReaction[A, R]:
        """The same with every step that is to be chosen chosen for this document and request."""
        chosen = {
            role: step(document, request)
            for role in ("processing", "complete", "failed")
            if is_choice(step := getattr(self, role))
        }
        return replace(self, **chosen) if chosen else self

    def __repr__(self) -> str:
        expected = " or ".join(str(one) for one in self.expects)
        return f"<callback {self.name} of {self.aggregate.category} in {expected}>"


class CallbackFor(Generic[A]):
    """What ``@callback(...)`` gives before it meets its function."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options

    def __call__(self, function: Callable[[A, Incoming], Told], /) -> CallbackReaction[A, Told]:
        """The callback this function becomes."""
        name = self._options.get("name") or function.__name__
        return CallbackReaction(**{**self._options, "name": name}, function=function, names=nearby(function))


@overload
def callback(
    aggregate: type[A],
    *,
    expects: Enum | Sequence[Enum],
    processing: Enum | Callable[[A], Event] | Callable[[A, Incoming], Enum] | None = None,
    complete: Enum | Callable[[A, Incoming], Enum],
    failed: Enum | Callable[[A, str], Event] | Callable[[A, Incoming], Enum],
    **options: Unpack[CallbackOptions],
) -> CallbackFor[A]: ...
@overload
def callback(
    aggregate: type[A],
    *,
    expects: Enum | Sequence[Enum],
    processing: Enum | Callable[[A], Event] | Callable[[A, Incoming], Enum] | None = None,
    complete: Callable[[A, R], Event],
    failed: Enum | Callable[[A, str], Event] | Callable[[A, Incoming], Enum],
    **options: Unpack[CallbackOptions],
) -> Callable[[Callable[[A, Incoming], R]], CallbackReaction[A, R]]: ...
@overload
def callback(
    aggregate: type[A],
    *,
    expects: Enum | Sequence[Enum],
    processing: Enum | Callable[[A], Event] | Callable[[A, Incoming], Enum] | None = None,
    complete: Callable[[A], Event],
    failed: Enum | Callable[[A, str], Event] | Callable[[A, Incoming], Enum],
    **options: Unpack[CallbackOptions],
) -> Callable[[Callable[[A, Incoming], None]], CallbackReaction[A, None]]: ...
def callback(
    aggregate: type[Any],
    *,
    expects: Any,
    processing: Any = None,
    complete: Any = None,
    failed: Any = None,
    **options: Any,
) -> Any:
    """Bind a function to a call from outside: it is called with the aggregate and the request when one comes.

    It may come in the statuses that ``expects`` names; in any other it is refused, or passed over if it is ``silent``.
    What the function returns goes with the step to ``complete``, as it does for a task; an error goes with the step to
    ``failed`` and to whoever called. What it ``Refuses`` (``BadInput`` above all), and that a peer is ``Unavailable``,
    is told to the caller only, and nothing is recorded.

    ``verify`` lets requests in (``HMACSignature``); it has to be said, and ``None`` means that everybody is let in, or
    that whoever receives the requests has seen to that. ``fingerprint`` says what makes a request the same one when it
    comes again, for ``lifetime`` (the setting ``key_lifetime``), among the callbacks of one ``fingerprint_scope`` (this
    one alone); None of a request that may come as often as it likes. ``identify`` finds the aggregate where the address
    does not name it. ``accepts``: the content types; empty for any. ``methods``: POST alone unless others are named.
    """
    expected = tuple(expects) if isinstance(expects, (list, tuple, set, frozenset)) else (expects,)
    steps = {"processing": processing, "complete": complete, "failed": failed}
    return CallbackFor[Any](
        {"aggregate": aggregate, "expects": expected, "on": next(iter(expected), None), **steps, **options}
    )


class Callback(Generic[A, R]):
    """A callback as a class: every option of ``@callback`` is an attribute, or a method where that is a function.

    ::

        class Paid(Callback[Order]):
            expects, complete, failed = Status.WAITING, Status.PAID, Status.ERROR
            verify = HMACSignature.stripe("whsec_...")

            def fingerprint(self, request: Incoming) -> str:
                return str(request.json()["id"])

            def handle(self, order: Order, request: Incoming) -> PaymentTaken:
                return PaymentTaken(amount=request.json()["amount"])

        Paid()(an_order, Incoming.of({"amount": 12}))       # called by hand, in a test

    One instance serves all threads: keep nothing in it that changes.
    """

    expects: Enum | Sequence[Enum]
    processing: Any = None
    complete: Any
    failed: Any
    name: str | None = None

    _names: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._names = {**cls._names, **nearby(cls)}

    def handle(self, document: A, request: Incoming, /) -> R:
        """What becomes of the call: returns an event, several, or nothing."""
        raise NotImplementedError

    def __call__(self, document: A, request: Incoming, /) -> R:
        """The same."""
        return self.handle(document, request)


Calling = CallbackReaction[Any, Any] | Callback[Any, Any] | type[Callback[Any, Any]]
"""What ``callbacks=[...]`` takes: a decorated function, a class, or an instance of one."""


def callback_of(one: Calling) -> CallbackReaction[Any, Any]:
    """The callback that is meant. Raises ``Misconfigured`` for what cannot become one."""
    if isinstance(one, CallbackReaction):
        return one
    handler = _handler(one)
    kind = type(handler)
    said = {name: getattr(handler, name) for name in CallbackOptions.__annotations__ if hasattr(handler, name)}
    steps = {name: step_of(handler, name) for name in STEPS}
    options = {**steps, **said, "name": handler.name or snake_case(kind.__name__)}
    reaction = callback(owner_of(kind, __name__), **options)(handler.handle)
    return cast("CallbackReaction[Any, Any]", replace(reaction, names=handler._names))


def near_misses(callback: CallbackReaction[Any, Any]) -> list[str]:
    """Attributes of its class that only look like the ones it is asked for, each with the one that was meant."""
    handler = getattr(callback.function, "__self__", None)
    if not isinstance(handler, Callback):
        return []
    known = [*STEPS, "name", "handle", *CallbackOptions.__annotations__]
    own = dict.fromkeys(name for kind in type(handler).__mro__[: -len(Callback.__mro__)] for name in vars(kind))
    unsaid = [name for name in known if name not in own]
    return [
        f'"{name}" is nothing that a callback is asked for. Did you mean "{near[0]}"?'
        for name in own
        if not name.startswith("_") and name not in known and (near := get_close_matches(name, unsaid, 1, 0.8))
    ]


def is_choice(step: object) -> bool:
    """Whether a step is a function that chooses a status, not a status or a command itself."""
    return callable(step) and not isinstance(step, (Enum, Transition))


def _found(ask: Callable[[Incoming], T], request: Incoming, what: str) -> T:
    # User code that looks for something in what somebody else wrote: that it is not there is the other one's mistake.
    try:
        return ask(request)
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        raise BadInput(f"The request does not say {what}.") from error


def _handler(one: Any) -> Callback[Any, Any]:
    if isinstance(one, Callback):
        return one
    if not (isinstance(one, type) and issubclass(one, Callback)):
        name = getattr(one, "__name__", one)
        raise Misconfigured(f"{name} is no callback. Decorate it with @callback, or inherit from Callback.")
    return made(one, "callbacks")


def _is_of(kind: str, wanted: str) -> bool:
    return kind == wanted or (wanted == JSON and kind.endswith("+json"))
