"""Where the work on a stream stands."""

from __future__ import annotations

from eventflow.model.library import Claimed, Interrupted, RequestSent, RetryScheduled, Touched
from eventflow.model.recorded import Draft, Phase
from eventflow.model.standing import Standing
from tests.model.documents import NOW, WORKER

ANNOUNCED = Draft(Touched(), "queued", phase=Phase.ANNOUNCED, version=3)
CLAIMED = Draft(Claimed(), "writing", phase=Phase.CLAIMED, version=4, reaction="generate", attempt=1, owner=WORKER)
FAILED = RetryScheduled(type="ValueError", message="no", attempt=1)
DEFERRED = Draft(FAILED, "writing", phase=Phase.DEFERRED, version=6, reaction="generate", attempt=2, due=NOW)
STOPPED = Draft(
    Interrupted(reason="gone"), "writing", phase=Phase.DEFERRED, version=6, reaction="generate", attempt=1, due=NOW
)


def test_an_announcement_begins_a_new_story() -> None:
    standing = Standing().after(CLAIMED).after(STOPPED).after(ANNOUNCED)

    assert standing == Standing(version=3, phase=Phase.ANNOUNCED, status="queued", origin=3)


def test_a_claim_keeps_where_the_story_began() -> None:
    standing = Standing().after(ANNOUNCED).after(CLAIMED)

    assert standing == Standing(4, Phase.CLAIMED, "writing", "generate", 1, 3, WORKER)


def test_a_mere_fact_changes_nothing() -> None:
    standing = Standing().after(ANNOUNCED).after(CLAIMED)
    fact = Draft(RequestSent(method="GET", url="https://press.example/"), "writing", version=5)

    assert standing.after(fact) is standing


def test_a_deferral_is_about_the_next_attempt_and_nobody_owns_it() -> None:
    standing = Standing().after(ANNOUNCED).after(CLAIMED).after(DEFERRED)

    assert standing == Standing(6, Phase.DEFERRED, "writing", "generate", 2, 3, None, 0, NOW)


def test_interruptions_are_counted_until_the_next_announcement() -> None:
    once = Standing().after(ANNOUNCED).after(CLAIMED).after(STOPPED)
    twice = once.after(CLAIMED).after(STOPPED)

    assert (once.interruptions, twice.interruptions, twice.after(CLAIMED).interruptions) == (1, 2, 2)
    assert twice.after(ANNOUNCED).interruptions == 0


def test_a_phase_may_be_the_plain_text_of_a_header() -> None:
    from tests.model.documents import header_of

    header = header_of(STOPPED, "document", b"")._replace(phase="deferred")

    standing = Standing().after(header)

    assert (standing.phase, standing.interruptions) == (Phase.DEFERRED, 1)
    assert isinstance(standing.phase, Phase)
