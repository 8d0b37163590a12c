"""However time passes and whatever happens in between, two probes of one name are at least a grace apart."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from eventflow.model.probe import Probe
from eventflow.model.recorded import Header, Kind
from tests.projections.headers import HeaderLog
from tests.walks.library import Document, Status

GRACE = timedelta(minutes=60)
PROBE = Probe(Document, statuses=[Status.SENDING], grace=GRACE)


class Moment(NamedTuple):
    """What happens some minutes after the moment before."""

    minutes: int
    what: str


moments = st.lists(
    st.builds(Moment, st.integers(0, 90), st.sampled_from(["look", "look", "note", "sending", "error", "touch"])),
    max_size=40,
)


class Story:
    """A stream, as its headers tell it. Grows."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self._log = HeaderLog()
        self.headers: list[Header] = []
        self.add("sending")

    def add(self, status: str, kind: Kind | None = None, reaction: str | None = None) -> None:
        said = self._log.say(1, status, kind=kind, reaction=reaction, name="said")
        self.headers.append(said._replace(recorded_at=self.now))

    def live(self, moment: Moment) -> None:
        self.now += timedelta(minutes=moment.minutes)
        here = self.headers[-1].status
        match moment.what:
            case "look":
                if PROBE.is_due(self.headers, self.now):
                    self.add(here, Kind.PROBE, PROBE.name)
            case "note" | "touch":
                self.add(here)
            case status:
                self.add(status)


@given(moments)
def test_probes_are_a_grace_apart_and_in_their_statuses_only(lived: list[Moment]) -> None:
    story = Story()

    for moment in lived:
        story.live(moment)

    probes = [one for one in story.headers if one.kind == Kind.PROBE]
    assert all(one.status == "sending" for one in probes)
    assert all(b.recorded_at - a.recorded_at >= GRACE for a, b in itertools.pairwise(probes))


@given(moments)
def test_who_looks_all_the_time_misses_nobody(lived: list[Moment]) -> None:
    story = Story()

    for moment in lived:
        story.live(moment)
        story.live(Moment(0, "look"))

    since = PROBE.since(story.headers)
    assert since is None or story.now - since < GRACE
