"""Picks per second among 10, 1,000 and 100,000 definitions, beside the same query in SQL on PostgreSQL.

All definitions are for one type of subject, which is the worst case; every pick is for another subject and nothing is
kept of it. "kept" is the same with ``cache``. PostgreSQL has the rows in a table with an index, the statement is
prepared and asked over one connection from the same process; its answers are compared with ours.

    python -m tests.bench.picker [--quick] [--json]
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from eventflow.picking.catalogue import Catalogue
from eventflow.picking.definition import FlowDefinition
from eventflow.picking.facts import Attr
from eventflow.picking.query import FlowQuery
from eventflow.picking.rollout import bucket_of
from tests.services import fresh_database

SIZES = (10, 1_000, 100_000)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
QUERY = FlowQuery(
    subject_type="order",
    subject_scope="eu",
    environment="prod",
    channel="web",
    version_min=2,
    rollout_namespace="checkout",
    rollout_key=Attr(attr="id"),
    fallback_cascade=("drop_channel", "ignore_timewindow"),
)

TABLE = """
CREATE TABLE flows (
    id bigint PRIMARY KEY, subject_type text NOT NULL, subject_scope text, environment text, channel text,
    version int NOT NULL, is_default boolean NOT NULL, status boolean NOT NULL, ordering int NOT NULL,
    active_from timestamptz, active_to timestamptz, rollout_pct int, deleted boolean NOT NULL
)
"""
INDEX = """
CREATE INDEX flows_best ON flows
    (subject_type, subject_scope, environment, channel, version DESC, is_default DESC, ordering DESC, id DESC)
"""
SELECT = """
SELECT id FROM flows
 WHERE NOT deleted AND subject_type = 'order' AND subject_scope = 'eu' AND environment = 'prod' AND channel = 'web'
   AND status AND (active_from IS NULL OR active_from <= %(now)s) AND (active_to IS NULL OR active_to >= %(now)s)
   AND version >= 2 AND (rollout_pct IS NULL OR rollout_pct > %(bucket)s)
 ORDER BY version DESC, is_default DESC, ordering DESC, id DESC LIMIT 1
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="end within half a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    found = {size: measure(size, picks=2_000 if arguments.quick else 20_000) for size in SIZES}
    if arguments.json:
        ratios = {f"sql_{size}": one["sql"]["p50"] / one["pick"]["p50"] for size, one in found.items()}
        print(json.dumps({"bench": "picker", "unit": "µs", "sizes": found, "ratios": ratios}))
        return
    print(f"{'definitions':>11}  {'':<26}  {'picks/s':>9}  {'p50 µs':>8}  {'p99 µs':>8}")
    for size, one in found.items():
        for name, told in one.items():
            print(f"{size:>11,}  {name:<26}  {told['rate']:>9,.0f}  {told['p50']:>8.1f}  {told['p99']:>8.1f}")


def measure(size: int, picks: int) -> dict[str, dict[str, float]]:
    """Each way to pick among so many definitions."""
    definitions = [a_definition(number, random.Random(number)) for number in range(1, size + 1)]
    catalogue = Catalogue(definitions)
    kept = QUERY.replace(cache=True)
    subjects = [{"id": f"order-{number}"} for number in range(picks)]

    def pick(number: int) -> int | str | None:
        flow = catalogue.pick(QUERY, subjects[number], NOW + timedelta(microseconds=number)).flow
        return None if flow is None else flow.id

    def listed(number: int) -> int:
        return len(catalogue.pick(QUERY, subjects[number], NOW + timedelta(microseconds=number)).candidates)

    def again(number: int) -> object:
        return catalogue.pick(kept, subjects[number], NOW).flow

    said = [pick(number) for number in range(200)]  # which also makes what is made once
    found = {
        "pick": timed(pick, picks),
        "pick, kept": timed(again, picks),
        "pick and list candidates": timed(listed, min(picks, max(200, 20_000_000 // size))),
    }
    with fresh_database("eventflow_bench") as url, psycopg.connect(url, autocommit=True) as connection:
        fill(connection, definitions)

        def ask(number: int) -> Any:
            bucket = bucket_of("checkout", None, subjects[number]["id"])
            now = NOW + timedelta(microseconds=number)
            row = connection.execute(SELECT, {"now": now, "bucket": bucket}, prepare=True).fetchone()
            return row and row[0]

        # The statement has no cascade: where it says nothing, ours may have given something up.
        differing = [number for number in range(200) if ask(number) not in (None, said[number])]
        assert differing == [], differing
        found["sql"] = timed(ask, picks // 4)
    return found


def a_definition(number: int, chance: random.Random) -> FlowDefinition:
    """One of those that a shop with several channels has, most of them old."""
    day = timedelta(days=1)
    since = NOW + day * chance.randrange(-300, 60) if chance.random() < 0.4 else None
    until = (since or NOW) + day * chance.randrange(1, 300) if chance.random() < 0.3 else None
    return FlowDefinition(
        id=number,
        subject_type="order",
        subject_scope=chance.choice(("eu", "eu", "us", "asia")),
        environment=chance.choice(("prod", "prod", "prod", "test")),
        channel=chance.choice(("web", "app", "kiosk")),
        version=chance.randrange(1, 50),
        is_default=chance.random() < 0.1,
        status=chance.random() < 0.8,
        ordering=chance.randrange(10),
        active_from=since,
        active_to=until,
        rollout_pct=chance.choice((None, None, 5, 30, 80, 100)),
        deleted=chance.random() < 0.05,
    )


def fill(connection: psycopg.Connection[Any], definitions: list[FlowDefinition]) -> None:
    """The same definitions as rows."""
    connection.execute(TABLE)
    columns = (
        *("id", "subject_type", "subject_scope", "environment", "channel", "version", "is_default", "status"),
        *("ordering", "active_from", "active_to", "rollout_pct", "deleted"),
    )
    with connection.cursor() as cursor, cursor.copy(f"COPY flows ({', '.join(columns)}) FROM STDIN") as rows:
        for one in definitions:
            rows.write_row([getattr(one, column) for column in columns])
    connection.execute(INDEX)
    connection.execute("ANALYZE flows")


def timed(does: Callable[[int], object], times: int) -> dict[str, float]:
    """How often per second, and how long it takes in the middle and at the end, in microseconds."""
    took = []
    for number in range(times):
        begun = time.perf_counter_ns()
        does(number)
        took.append((time.perf_counter_ns() - begun) / 1000)
    percentiles = statistics.quantiles(took, n=100)
    return {"rate": times / sum(took) * 1_000_000, "p50": percentiles[49], "p99": percentiles[98]}


if __name__ == "__main__":
    main()
