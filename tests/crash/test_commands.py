"""Commands of the user that raise while an outcome is being recorded, together with the outcomes of others."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path

from eventflow.app import Eventflow
from eventflow.model.aggregate import Aggregate
from eventflow.model.reaction import task
from eventflow.model.transition import transition
from eventflow.settings import Settings
from tests.walks.library import Status, Written

PAPERS = 40


class Paper(Aggregate[Status], category="paper", initial=Status.QUEUED):
    """It accepts some texts only."""

    number: int
    text: str = ""

    @transition(Status.WRITING, to=Status.WRITTEN)
    def accept(self, text: str) -> Written:
        """Take the text, or raise as only bugs do."""
        if self.number % 10 == 0:
            raise (SystemExit if self.number % 20 == 0 else LookupError)(f"paper {self.number} cannot be had")
        return Written(text=text)


@task(Paper, on=Status.QUEUED, processing=Status.WRITING, complete=Paper.accept, failed=Status.ERROR)
def compose(paper: Paper) -> str:
    """The text of a paper."""
    return f"paper {paper.number}"


def test_a_command_that_raises_fails_its_own_document_and_no_other(tmp_path: Path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'log.db'}", broker="embedded://")
    with closing(Eventflow(settings, aggregates=[Paper], reactions=[compose])) as app:
        papers = [Paper.create(number=number) for number in range(PAPERS)]
        app.save(*papers)

        app.drain()

        statuses = Counter(app.get(Paper, paper.id).status for paper in papers)
        assert statuses == {Status.WRITTEN: PAPERS * 9 // 10, Status.ERROR: PAPERS // 10}
        assert app.history(papers[0].id)[-1].header.error == "SystemExit: paper 0 cannot be had"
