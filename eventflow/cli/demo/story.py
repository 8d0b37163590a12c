"""What the demo does, in the order in which one would tell it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from eventflow.app import Eventflow
from eventflow.cli.demo.documents import ENDED, Document, DocumentStatus, document_id, reactions, spelled
from eventflow.cli.demo.press import Press
from eventflow.cli.demo.show import Show
from eventflow.cli.demo.workspace import Occupied
from eventflow.errors import Refused, Unavailable
from eventflow.model.recorded import Header, Phase
from eventflow.settings import Settings
from eventflow.store.log import Log
from eventflow_projections import ErrorGroup, Metrics

ACTOR = "eventflow demo"
REASON = "the press was repaired"
FAILED = f"category:{Document.category} status:{DocumentStatus.ERROR}"
GRACE = timedelta(seconds=5)
BATCH = 50
PAUSE = 0.05
STALLED = 120.0
"""Seconds without any change after which something must be wrong."""


@dataclass(frozen=True)
class Summary:
    """What the demo came to, whoever did it: what was interrupted and resumed counts as one."""

    items: int
    complete: int
    error: int
    failed_before_defibrillation: int
    defibrillated: int
    rebuild_equal: bool
    exactly_once: bool
    events: int
    requests: int
    items_per_second: float
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """The figures as one document."""
        return asdict(self)

    @property
    def good(self) -> bool:
        """Whether every document is complete, once, and the rebuild equals the live rows."""
        return self.complete == self.items and self.error == 0 and self.rebuild_equal and self.exactly_once


@dataclass
class Chronicle:
    """What the log says of the whole demo. Grows with each header that is read."""

    failed: set[UUID] = field(default_factory=set)
    defibrillated: set[UUID] = field(default_factory=set)
    completed: Counter[UUID] = field(default_factory=Counter)

    @classmethod
    def of(cls, log: Log) -> Self:
        """Read from the first event to the last."""
        chronicle, after = cls(), 0
        while headers := log.tail(after):
            for header in headers:
                chronicle._read(header)
            after = headers[-1].position
        return chronicle

    def _read(self, header: Header) -> None:
        if header.phase != Phase.ANNOUNCED:
            return
        if header.name.endswith(":defibrillated"):
            self.defibrillated.add(header.stream)
        elif header.status == DocumentStatus.ERROR and header.stream not in self.defibrillated:
            self.failed.add(header.stream)
        elif header.status == DocumentStatus.COMPLETE:
            self.completed[header.stream] += 1


class Story:
    """Documents go in, some fail, an operator brings them back, and the history can be read."""

    def __init__(self, settings: Settings, show: Show) -> None:
        self._show = show
        self._press = Press()
        try:
            self._app = Eventflow(settings, aggregates=[Document], reactions=reactions(lambda: self._press.address))
        except BaseException:
            self._press.close()
            raise
        self._leadership = self._app.database.leadership("demo")
        self._metrics = Metrics(self._app.database)
        self._began = time.monotonic()
        self._worked = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._leadership.release()
        self._app.close()
        self._press.close()

    def claim(self, *, resumed: bool) -> None:
        """Make sure that nobody else's log is used. Raises ``Occupied`` and ``Refused``."""
        if not self._leadership.acquire():
            raise Occupied(f"Another demo is at work on {self._app.settings.database}.")
        first = next(iter(self._app.log.tail(0, 1)), None)
        if first is not None and not resumed:
            raise Refused(
                "This database holds a log already. A demo wants an empty one, such as postgresql://…?schema=demo"
            )
        if first is not None and (first.category, first.actor) != (Document.category, ACTOR):
            raise Refused("The log in this database is not of a demo.")

    def tell(self, paths: Sequence[Path], *, limit: int) -> Summary:
        """The whole demo, or what is left of it. Raises ``Unavailable`` when the work does not come to an end."""
        self._press.limit = limit
        self._show.opening(len(paths), self._press.address)
        self._ingest(paths)
        if Chronicle.of(self._app.log).defibrillated:
            self._press.repair()
        worker = self._app.worker()
        worker.start()
        try:
            self._show.title("Work")
            self._work(len(paths))
            self._one_history(self._failures())
            self._defibrillate(len(paths))
        finally:
            worker.stop(GRACE)
        return self._summary(len(paths))

    def _ingest(self, paths: Sequence[Path]) -> None:
        documents = {document_id(path): path for path in paths}
        unknown = [(id, path) for id, path in documents.items() if self._app.log.head(id) is None]
        for start in range(0, len(unknown), BATCH):
            batch = unknown[start : start + BATCH]
            self._app.save(*(Document.create(id=id, path=spelled(path)) for id, path in batch), actor=ACTOR)
        if len(unknown) < len(documents):
            self._show.say(f"{len(documents) - len(unknown)} documents are in the log already; the work goes on there.")

    def _work(self, items: int) -> None:
        began = time.monotonic()
        with self._show.progress(items) as progress:
            before, changed = self._counts(), began
            while not self._is_done(before):
                progress.update(before)
                time.sleep(PAUSE)
                now = self._counts()
                changed = time.monotonic() if now != before else changed
                if time.monotonic() - changed > STALLED:
                    raise Unavailable("The work", f"nothing has moved for {STALLED:g} s: {now}")
                before = now
            progress.update(before)
        self._worked += time.monotonic() - began

    def _is_done(self, counts: dict[str, int]) -> bool:
        # Idle means that nothing is due now; a retry may be due later.
        return not any(count for status, count in counts.items() if status not in ENDED) and self._app.is_idle()

    def _counts(self) -> dict[str, int]:
        return self._metrics.population(Document.category)

    def _failures(self) -> list[ErrorGroup]:
        failures = self._app.items.failures(FAILED)
        self._show.failures(failures)
        return failures

    def _one_history(self, failures: Sequence[ErrorGroup]) -> None:
        if failures:
            self._show.history(
                self._app.get(Document, failures[0].example).path, self._app.history(failures[0].example)
            )

    def _defibrillate(self, items: int) -> None:
        self._press.repair()
        failed = list(self._app.items.ids(FAILED))
        if not failed:
            return
        self._show.title("Defibrillation")
        self._show.say(f"The press is repaired. An operator brings {len(failed)} documents back to work.")
        for id in failed:
            self._app.defibrillate(id, reason=REASON, actor=ACTOR)
        self._app.wait_for(self._app.log.last_position(), timeout=timedelta(minutes=1))
        self._work(items)
        still = self._app.items.failures(FAILED)
        if still:
            self._show.failures(still, title="What failed again")

    def _summary(self, items: int) -> Summary:
        counts, chronicle = self._counts(), Chronicle.of(self._app.log)
        return Summary(
            items=items,
            complete=counts.get(DocumentStatus.COMPLETE, 0),
            error=counts.get(DocumentStatus.ERROR, 0),
            failed_before_defibrillation=len(chronicle.failed),
            defibrillated=len(chronicle.defibrillated),
            rebuild_equal=self._rebuild_equal(),
            exactly_once=set(chronicle.completed.values()) <= {1},
            events=self._app.log.last_position(),
            requests=self._press.requests,
            items_per_second=round(items / self._worked, 1) if self._worked else 0.0,
            seconds=round(time.monotonic() - self._began, 2),
        )

    def _rebuild_equal(self) -> bool:
        reports = [self._app.projections.verify(name) for name in self._app.projections.runners]
        self._show.rebuilt(reports)
        return all(report.equal for report in reports)
