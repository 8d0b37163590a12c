"""Runs of five steps on DBOS: ``python dbos_runs.py DSN POLL (setup | submit N | pace N RATE | work)``."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any

QUEUE = "runs"
THREADS = 8


def main(dsn: str, poll: float, verb: str, *rest: str) -> None:
    if verb == "setup":
        setup(dsn, poll)
    elif verb == "submit":
        submit(dsn, int(rest[0]), 0.0)
    elif verb == "pace":
        submit(dsn, int(rest[0]), float(rest[1]))
    else:
        work(dsn)


def configured(dsn: str, executor: str, **more: Any) -> dict[str, Any]:
    told = {"name": "bench", "application_version": "1", "log_level": "CRITICAL"}
    return {**told, "system_database_url": dsn, "executor_id": executor, **more}


def setup(dsn: str, poll: float) -> None:
    from dbos import DBOS  # type: ignore[import-not-found]  # in an environment of its own

    DBOS(config=configured(dsn, "setup"))
    DBOS.launch()
    DBOS.register_queue(QUEUE, polling_interval_sec=poll)
    DBOS.destroy()


def submit(dsn: str, count: int, rate: float) -> None:
    from dbos import DBOSClient

    client = DBOSClient(system_database_url=dsn, system_database_pool_size=1)
    begin, sent = time.time(), []
    for number in range(count):
        if rate:
            time.sleep(max(0.0, begin + number / rate - time.time()))
        at = time.time()
        wanted = {"workflow_name": "run", "queue_name": QUEUE, "app_version": "1"}
        sent.append((client.enqueue(wanted, number).get_workflow_id(), at))
    print(json.dumps(sent), flush=True)
    os._exit(0)


def work(dsn: str) -> None:
    from dbos import DBOS

    begun = threading.Event()

    @DBOS.step()  # type: ignore[untyped-decorator]
    def step(number: int, which: int) -> str:
        if not begun.is_set():
            begun.set()
            print(json.dumps({"began": time.time()}), flush=True)
        head = f"{number}:{which}:"
        return head + "r" * (300 - len(head))

    @DBOS.workflow(name="run")  # type: ignore[untyped-decorator]
    def run(number: int) -> None:
        for which in range(1, 6):
            step(number, which)

    DBOS(config=configured(dsn, "worker", max_executor_threads=THREADS))
    print("ready", flush=True)
    sys.stdin.readline()
    before = time.process_time()
    DBOS.launch()
    sys.stdin.readline()
    print(json.dumps({"cpu": time.process_time() - before}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), *sys.argv[3:])
