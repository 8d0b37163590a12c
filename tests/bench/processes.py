"""Runs of five trivial steps per second, and how long one takes at 20/s, beside DBOS and Absurd in the same run.

All keep a result of 300 bytes for each step, on one PostgreSQL with its usual durability; ours has RabbitMQ besides.
Each has one worker process that does eight runs at a time. For the rate the runs are there before the clock starts,
which runs from the first step until another session sees every run over. For the latency runs are started at 20/s by a
program of its own, and looked at every millisecond by another session; the peers ask for work every ``POLL`` seconds
then, far more often than they do by themselves.

The peers are installed from the registry into an environment of their own when this is first called, in the folder that
EVENTFLOW_BENCH_PEERS names.

    python -m tests.bench.processes [--quick] [--json] [--only eventflow]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from eventflow.app import Eventflow
from eventflow.model.process.process import Process
from eventflow.model.process.step import step
from eventflow.settings import Settings
from tests.bench.items import a_namespace, stamp
from tests.services import RABBITMQ, fresh_database

SPAWN = multiprocessing.get_context("spawn")
THREADS = 8
POLL = 0.01
PEERS = ("dbos", "absurd")
WANTED = ("dbos==3.4.0", "absurd-sdk==0.5.1", "absurdctl==0.5.1", "psycopg[binary]==3.3.*")
OVER = "SELECT stream::text FROM eventflow.events WHERE category = 'eventflow_run' AND status = 'success'"
FINISHED = {
    "eventflow": OVER,
    "eventflow_each": OVER,
    "dbos": "SELECT workflow_uuid FROM dbos.workflow_status WHERE status = 'SUCCESS'",
    "absurd": "SELECT task_id::text FROM absurd.t_runs WHERE state = 'completed'",
}

_begin: Callable[[], None] = lambda: None  # noqa: E731 - replaced in the process of the worker


def a_step(which: int, *, light: bool) -> Any:
    def store(work: Work) -> Work:
        _begin()
        return work.learn(**{f"step_{which}": work.result(which)})

    store.__name__ = f"store_{which}"
    return step(light=light)(store)


LIGHT = [a_step(which, light=True) for which in range(1, 6)]
EACH = [a_step(which, light=False) for which in range(1, 6)]


class Work(Process, name="work"):
    """Five steps that store 300 bytes each, and do nothing that others could see: they say so."""

    number: int
    step_1: str = ""
    step_2: str = ""
    step_3: str = ""
    step_4: str = ""
    step_5: str = ""

    steps = LIGHT

    def result(self, which: int) -> str:
        """300 bytes, different for every run and step."""
        head = f"{self.number}:{which}:"
        return head + "r" * (300 - len(head))


class Each(Work, name="each"):
    """The same, and each step waits until it is recorded."""

    steps = EACH


def application(dsn: str, namespace: str) -> Eventflow:
    """Ours."""
    broker = f"{RABBITMQ}?namespace={namespace}"
    settings = Settings(database=dsn, broker=broker, max_in_flight=100_000, threads=THREADS)
    return Eventflow(settings, aggregates=[], processes=[Work, Each])


OURS: dict[str, type[Work]] = {"eventflow": Work, "eventflow_each": Each}

# -- ours ----------------------------------------------------------------------------------------


def our_worker(dsn: str, namespace: str, started: Any, ready: Any, go: Any, stop: Any, cpu: Any) -> None:
    global _begin
    _begin = stamp(started)
    worker = application(dsn, namespace).worker()
    ready.set()
    go.wait()
    before = time.process_time()
    worker.start()
    stop.wait()
    cpu.value = time.process_time() - before
    os._exit(0)


class Ours:
    """A worker of ours in a process of its own."""

    def __init__(self, dsn: str, namespace: str) -> None:
        self._started, self._cpu = SPAWN.Value("d", 0.0), SPAWN.Value("d", 0.0)
        ready, self._go, self._stop = SPAWN.Event(), SPAWN.Event(), SPAWN.Event()
        self._process = SPAWN.Process(
            target=our_worker, args=(dsn, namespace, self._started, ready, self._go, self._stop, self._cpu), daemon=True
        )
        self._process.start()
        assert ready.wait(60)

    def go(self) -> None:
        self._go.set()

    def began(self) -> float:
        return float(self._started.value)

    def end(self) -> float:
        """Its seconds of CPU."""
        self._stop.set()
        self._process.join(10)
        return float(self._cpu.value)


def pace_ours(name: str, dsn: str, namespace: str, count: int, rate: float, sent: Any) -> None:
    with application(dsn, namespace) as app:
        begin = time.time()
        for number in range(count):
            time.sleep(max(0.0, begin + number / rate - time.time()))
            at = time.time()
            sent.put((str(app.processes.start(OURS[name](number=number)).id), at))
    sent.put(None)


# -- theirs --------------------------------------------------------------------------------------


class Theirs:
    """A worker of a peer, run by the peers' own Python."""

    def __init__(self, peer: str, dsn: str, poll: float) -> None:
        self._process = subprocess.Popen(
            command(peer, dsn, poll, "work"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == "ready"

    def go(self) -> None:
        self._say()

    def began(self) -> float:
        assert self._process.stdout is not None
        return float(json.loads(self._process.stdout.readline())["began"])

    def end(self) -> float:
        """Its seconds of CPU."""
        self._say()
        assert self._process.stdout is not None
        used = json.loads(self._process.stdout.read().strip().splitlines()[-1])["cpu"]
        self._process.wait(10)
        return float(used)

    def _say(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()


def command(peer: str, dsn: str, poll: float, *verb: str) -> list[str]:
    script = Path(__file__).with_name("peers") / f"{peer}_runs.py"
    return [str(the_peers() / "bin" / "python"), str(script), dsn, str(poll), *verb]


def the_peers() -> Path:
    """The environment of the peers, made when it is not there."""
    default = Path(tempfile.gettempdir()) / "eventflow-bench-peers"
    folder = Path(os.environ.get("EVENTFLOW_BENCH_PEERS", default))
    done = folder / "installed"
    if not done.exists() or done.read_text() != " ".join(WANTED):
        venv.create(folder, with_pip=True)
        subprocess.run([folder / "bin" / "pip", "install", "-q", *WANTED], check=True, stdout=sys.stderr)
        done.write_text(" ".join(WANTED))
    return folder


# -- measuring -----------------------------------------------------------------------------------


@contextmanager
def side(name: str, poll: float) -> Iterator[tuple[str, str]]:
    """A database that is ready for one of them, and a namespace for queues."""
    with fresh_database() as dsn, a_namespace() as namespace:
        if name in OURS:
            with application(dsn, namespace):
                yield dsn, namespace
        else:
            subprocess.run(command(name, dsn, poll, "setup"), check=True, stdout=subprocess.DEVNULL)
            yield dsn, namespace


def worker_of(name: str, dsn: str, namespace: str, poll: float) -> Ours | Theirs:
    return Ours(dsn, namespace) if name in OURS else Theirs(name, dsn, poll)


def submit(name: str, dsn: str, namespace: str, count: int, poll: float) -> None:
    if name not in OURS:
        subprocess.run(command(name, dsn, poll, "submit", str(count)), check=True, stdout=subprocess.DEVNULL)
        return
    with application(dsn, namespace) as app:
        runs = [app.processes.prepare(OURS[name](number=number)) for number in range(count)]
        for start in range(0, count, 250):
            app.save(*runs[start : start + 250])
        app.relay()
        app.projections.catch_up()


def rate(name: str, count: int, poll: float) -> tuple[float, float]:
    """Runs per second from the first step's start until all are seen over, and milliseconds of CPU for each."""
    with side(name, poll) as (dsn, namespace), psycopg.connect(dsn, autocommit=True) as connection:
        submit(name, dsn, namespace, count, poll)
        worker = worker_of(name, dsn, namespace, poll)
        worker.go()
        end = time.time() + 120
        while (done := len(connection.execute(FINISHED[name]).fetchall())) < count:
            if time.time() > end:
                raise SystemExit(f"{name}: only {done} of {count} runs are over")
            time.sleep(0.02)
        over = time.time()
        began = worker.began()
        return count / (over - began), worker.end() * 1000 / count


def latency(name: str, count: int, per_second: float, poll: float) -> float:
    """The median of the milliseconds from before a run is started until another session sees it over."""
    with side(name, poll) as (dsn, namespace), psycopg.connect(dsn, autocommit=True) as connection:
        worker = worker_of(name, dsn, namespace, poll)
        worker.go()
        time.sleep(2)
        seen: dict[str, float] = {}
        sent: dict[str, float] = {}
        submitting = threading.Thread(target=lambda: sent.update(paced(name, dsn, namespace, count, per_second, poll)))
        submitting.start()
        end = time.time() + 60 + count / per_second
        while len(seen) < count and time.time() < end:
            rows = connection.execute(FINISHED[name]).fetchall()
            now = time.time()
            for (id,) in rows:
                seen.setdefault(id, now)
            time.sleep(0.001)
        submitting.join()
        if name == "dbos":
            worker.began()
        worker.end()
        took = [(seen[id] - at) * 1000 for id, at in list(sent.items())[count // 10 :]]
        return statistics.median(took)


def paced(name: str, dsn: str, namespace: str, count: int, per_second: float, poll: float) -> dict[str, float]:
    """Start runs one by one, in a process of its own; when each was started."""
    if name not in OURS:
        said = subprocess.run(
            command(name, dsn, poll, "pace", str(count), str(per_second)), check=True, capture_output=True, text=True
        )
        return dict(json.loads(said.stdout.strip().splitlines()[-1]))
    sent = SPAWN.Queue()
    process = SPAWN.Process(target=pace_ours, args=(name, dsn, namespace, count, per_second, sent), daemon=True)
    process.start()
    found = dict(iter(sent.get, None))
    process.join()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and runs; ends within a minute")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", choices=[*PEERS, *OURS], action="append", help="this side alone")
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--no-latency", action="store_true")
    options = parser.parse_args()
    rounds, paced_runs = (1, 60) if options.quick else (3, 200)
    sides = options.only or [*PEERS, *OURS]
    measured: dict[str, dict[str, list[float]]] = {one: {"runs/s": [], "cpu ms": [], "p50 ms": []} for one in sides}
    for _ in range(rounds):
        for one in sides:
            found, cpu = rate(one, options.runs, POLL)
            measured[one]["runs/s"].append(found)
            measured[one]["cpu ms"].append(cpu)
            if not options.no_latency:
                measured[one]["p50 ms"].append(latency(one, paced_runs, 20.0, POLL))
    report(measured, as_json=options.json)


def report(measured: dict[str, dict[str, list[float]]], *, as_json: bool) -> None:
    medians = {
        one: {what: statistics.median(some) for what, some in told.items() if some} for one, told in measured.items()
    }
    found = ratios(medians)
    if as_json:
        print(json.dumps({"measured": measured, "medians": medians, "ratios": found}))
        return
    for one, told in medians.items():
        print(f"{one:16}" + "".join(f"{value:10.1f} {what}" for what, value in told.items()))
    print(f"{'ratios':16}", found)


def ratios(medians: dict[str, dict[str, float]]) -> dict[str, float]:
    """Ours to theirs: of the rates, and of the best latency of theirs to ours; with ``_each`` where each step waits."""
    theirs = {one: told for one, told in medians.items() if one not in OURS}
    found: dict[str, float] = {}
    for one in OURS.keys() & medians.keys():
        ours, suffix = medians[one], one.removeprefix("eventflow")
        found |= {f"{peer}{suffix}": round(ours["runs/s"] / told["runs/s"], 3) for peer, told in theirs.items()}
        best = min((told["p50 ms"] for told in theirs.values() if "p50 ms" in told), default=None)
        if best is not None and "p50 ms" in ours:
            found[f"p50{suffix}"] = round(best / ours["p50 ms"], 3)
    return found


if __name__ == "__main__":
    main()
