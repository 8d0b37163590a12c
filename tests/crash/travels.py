"""A process that speaks to other systems, goes over items, waits, and is taken back: for workers to be killed in."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from eventflow.app import Eventflow
from eventflow.model.exchange import Exchange, Request
from eventflow.model.process.awaiting import Signal
from eventflow.model.process.endings import Abandon
from eventflow.model.process.fan import Each
from eventflow.model.process.process import Process
from eventflow.model.process.status import RunStatus
from eventflow.model.process.step import step
from eventflow.model.retry import Retry
from eventflow.settings import Settings
from tests.crash.program import Order

PARCELS = 5


class Travel(Process, name="travel", version=1, retry=Retry(attempts=3, interruptions=100)):
    """Rooms are taken and parcels sent; somebody decides whether it is all taken back."""

    peer: str
    parcels: tuple[int, ...] = tuple(range(PARCELS))
    fees: tuple[int, ...] = ()

    @step(undo="leave_town")
    def go_to_town(self) -> Exchange[None]:
        yield Request("POST", f"{self.peer}/town")

    def leave_town(self) -> Exchange[None]:
        """Back home."""
        yield Request("POST", f"{self.peer}/no-town")

    @step(undo="free_room")
    def take_room(self) -> Exchange[None]:
        yield Request("POST", f"{self.peer}/room")

    def free_room(self) -> Exchange[None]:
        """For others."""
        yield Request("POST", f"{self.peer}/no-room")

    @step(over=Each("parcels", at_once=2, into="fees"), undo="fetch_parcels")
    def send_parcel(self, parcel: int) -> Exchange[int]:
        response = yield Request("POST", f"{self.peer}/parcels/{parcel}")
        return int(response.json()["fee"])

    def fetch_parcels(self) -> Exchange[Self]:
        """All of them at once."""
        yield Request("POST", f"{self.peer}/no-parcels")
        return self.learn(fees=())

    @step(awaits=Signal("decided"))
    def decide(self, stays: bool) -> None:
        if not stays:
            raise Abandon("Back home.", status=RunStatus.ABORTED)


class Travels(Order):
    """What a worker is told that works on travels."""

    def application(self) -> Eventflow:
        """The application that the worker belongs to; the test starts and looks through one like it."""
        settings = Settings(database=self.database, broker=self.broker, lease=timedelta(seconds=self.lease))
        resend = timedelta(seconds=self.resend_after)
        return Eventflow(settings, aggregates=[], processes=[Travel], resend_after=resend)
