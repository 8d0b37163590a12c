"""Runs of five steps on Absurd: ``python absurd_runs.py DSN POLL (setup | submit N | pace N RATE | work)``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

QUEUE = "runs"
THREADS = 8


def main(dsn: str, poll: float, verb: str, *rest: str) -> None:
    if verb == "setup":
        setup(dsn)
    elif verb == "submit":
        submit(dsn, int(rest[0]), 0.0)
    elif verb == "pace":
        submit(dsn, int(rest[0]), float(rest[1]))
    else:
        work(dsn, poll)


def client(dsn: str) -> Any:
    from absurd_sdk import Absurd  # type: ignore[import-not-found]  # in an environment of its own

    return Absurd(dsn, queue_name=QUEUE)


def setup(dsn: str) -> None:
    program = Path(sys.executable).with_name("absurdctl")
    subprocess.run([program, "init"], env={**os.environ, "ABSURD_DATABASE_URL": dsn}, check=True, capture_output=True)
    app = client(dsn)
    app.create_queue()
    app.close()


def submit(dsn: str, count: int, rate: float) -> None:
    app, begin, sent = client(dsn), time.time(), []
    for number in range(count):
        if rate:
            time.sleep(max(0.0, begin + number / rate - time.time()))
        at = time.time()
        sent.append((str(app.spawn("run", number, queue=QUEUE)["task_id"]), at))
    print(json.dumps(sent))


def work(dsn: str, poll: float) -> None:
    begun = threading.Event()

    def worker() -> Any:
        app = client(dsn)

        @app.register_task(name="run")  # type: ignore[untyped-decorator]
        def run(number: int, context: Any) -> None:
            if not begun.is_set():
                begun.set()
                print(json.dumps({"began": time.time()}), flush=True)
            for step in range(1, 6):
                context.step(f"step_{step}", lambda step=step: result(number, step))

        return app

    apps = [worker() for _ in range(THREADS)]
    print("ready", flush=True)
    sys.stdin.readline()
    before = time.process_time()
    for app in apps:
        threading.Thread(target=app.start_worker, kwargs={"poll_interval": poll}, daemon=True).start()
    sys.stdin.readline()
    print(json.dumps({"cpu": time.process_time() - before}), flush=True)
    os._exit(0)


def result(number: int, step: int) -> str:
    """300 bytes, different for every run and step."""
    head = f"{number}:{step}:"
    return head + "r" * (300 - len(head))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), *sys.argv[3:])
