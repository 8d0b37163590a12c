"""What is public of the picker, and what it does without."""

from __future__ import annotations

import subprocess
import sys

import pytest

from eventflow import picking


def test_the_door_is_complete_and_sorted() -> None:
    assert picking.__all__ == sorted(picking._HOMES) == dir(picking)
    assert [name for name in picking.__all__ if not hasattr(picking, name)] == []
    with pytest.raises(AttributeError, match="Piker"):
        _ = picking.Piker


def test_flows_are_picked_without_a_database_a_broker_or_a_network() -> None:
    program = (
        "import sys\n"
        "from datetime import UTC, datetime\n"
        "from eventflow.picking import FlowDefinition, FlowQuery, pick\n"
        "flow = FlowDefinition(id=1, subject_type='order')\n"
        "assert pick([flow], FlowQuery(subject_type='order'), {}, datetime.now(UTC)).flow == flow\n"
        "heavy = 'dramatiq', 'eventsourcing', 'psycopg', 'sqlite3', 'urllib3', 'click', 'eventflow.model'\n"
        "print([name for name in heavy if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
