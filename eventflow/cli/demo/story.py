"""What the demo does, in the order in which one would tell it."""

from __future__ import annotations

import itertools
import sysconfig
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from eventflow_projections import ErrorGroup, Metrics

from eventflow.app import Eventflow
from eventflow.cli.demo.documents import Document, DocumentStatus, document_id, reactions
from eventflow.cli.demo.press import Press
from eventflow.cli.demo.show import Show
from eventflow.errors import VersionConflict
from eventflow.settings import Settings

REASON = "the press was repaired"
GRACE = timedelta(seconds=5)
BATCH = 50


@dataclass(frozen=True)
class Summary:
    """What the demo came to."""

    items: int
    complete: int
    error: int
    failed_before_defibrillation: int
    defibrillated: int
    rebuild_equal: bool
    seconds: float
    events: int
    requests: int
    items_per_second: float

    def as_dict(self) -> dict[str, Any]:
        """The figures as one document."""
        return asdict(self)

    @property
    def good(self) -> bool:
        """Whether every document is complete and the rebuild equals the live rows."""
        return self.complete == self.items and self.error == 0 and self.rebuild_equal


def standard_library() -> Path:
    """The folder of real files that every Python brings along."""
    return Path(sysconfig.get_paths()["stdlib"])


def files(folder: Path, limit: int) -> list[Path]:
    """Up to ``limit`` readable files below a folder, always the same ones."""
    found = (path for path in _walk(folder) if path.suffix not in {".pyc", ".so"})
    return list(itertools.islice(found, limit))


def _walk(folder: Path) -> Iterator[Path]:
    inside = sorted(folder.iterdir())
    yield from (path for path in inside if path.is_file() and not path.is_symlink())
    for path in inside:
        if path.is_dir() and path.name not in {"__pycache__", "site-packages", ".git"} and not path.is_symlink():
            yield from _walk(path)


class Story:
    """Documents go in, some fail, an operator brings them back, and the history can be read."""

    def __init__(self, settings: Settings, show: Show) -> None:
        self._show = show
        self._press = Press()
        self._app = Eventflow(settings, aggregates=[Document], reactions=reactions(self._press.address))
        self._metrics = Metrics(self._app.database)
        self._began = time.monotonic()

    def tell(self, paths: list[Path]) -> Summary:
        """The whole demo. Raises ``TimeoutError`` when the work does not come to an end."""
        self._ingest(paths)
        worker = self._app.worker()
        worker.start()
        try:
            worked = self._work(len(paths))
            failed = self._failures()
            self._one_history(failed)
            defibrillated = self._defibrillate()
            worked += self._work(len(paths))
        finally:
            worker.stop(GRACE)
        return self._summary(len(paths), failed, defibrillated, worked)

    def close(self) -> None:
        """Close the press and the database."""
        self._app.close()
        self._press.close()

    def _ingest(self, paths: list[Path]) -> None:
        documents = [(document_id(path), path) for path in paths]
        unknown = [(id, path) for id, path in documents if self._app.log.head(id) is None]
        for start in range(0, len(unknown), BATCH):
            self._save(unknown[start : start + BATCH])
        self._show.say(f"{len(unknown)} documents were queued, {len(paths) - len(unknown)} were in the log already.")

    def _save(self, batch: Iterable[tuple[UUID, Path]]) -> None:
        try:
            self._app.save(*(Document.create(id=id, path=str(path)) for id, path in batch))
        except VersionConflict:
            # Somebody queues the same files at the same moment: what is there already is there.
            self._show.say("Some of these documents were just queued by another demo.")

    def _work(self, items: int) -> float:
        began = time.monotonic()
        with self._show.progress(items) as progress:
            while not self._app.is_idle() or self._waiting():
                progress.update(self._counts())
                time.sleep(0.05)
            progress.update(self._counts())
        return time.monotonic() - began

    def _waiting(self) -> bool:
        """Whether a retry is arranged that is not due yet."""
        ended = {DocumentStatus.COMPLETE, DocumentStatus.ERROR}
        return any(count for status, count in self._counts().items() if status not in ended)

    def _counts(self) -> dict[str, int]:
        return self._metrics.population(Document.category)

    def _failures(self) -> list[ErrorGroup]:
        failures = self._app.items.failures("model:document status:error")
        self._show.failures(failures)
        return failures

    def _one_history(self, failures: list[ErrorGroup]) -> None:
        if failures:
            self._show.history(self._app.find(failures[0].example), self._app.history(failures[0].example))

    def _defibrillate(self) -> int:
        self._press.repair()
        failed = list(self._app.items.ids("model:document status:error"))
        for id in failed:
            self._app.defibrillate(id, reason=REASON, actor="demo")
        self._show.say(f"The press is repaired; {len(failed)} documents were defibrillated.")
        return len(failed)

    def _summary(self, items: int, failures: list[ErrorGroup], defibrillated: int, worked: float) -> Summary:
        counts = self._counts()
        return Summary(
            items=items,
            complete=counts.get(DocumentStatus.COMPLETE, 0),
            error=counts.get(DocumentStatus.ERROR, 0),
            failed_before_defibrillation=sum(one.count for one in failures),
            defibrillated=defibrillated,
            rebuild_equal=self._rebuild_equal(),
            seconds=round(time.monotonic() - self._began, 2),
            events=self._app.log.last_position(),
            requests=self._press.requests,
            items_per_second=round(items / worked, 1) if worked else 0.0,
        )

    def _rebuild_equal(self) -> bool:
        reports = [self._app.projections.verify(name) for name in self._app.projections.runners]
        self._show.rebuilt(reports)
        return all(report.equal for report in reports)
