"""Archiving with segments, beside one deflated ZIP for each record.

Both begin with rows as the log keeps them and end with files in a folder that hold the bodies as JSON: one ZIP for each
event, as the predecessor of this library wrote them (Python's ``zipfile`` with its usual level), against segments. They
take turns, and the median of the rounds counts.

* ``ratios.bytes``: bytes of the segments, with their headers, indexes and dictionaries, by those of the ZIPs;
* ``ratios.rate``: events per second into files, by those of the ZIPs;
* ``ratios.rate_in_memory``: the same without any file: formatting alone;
* ``peak_mib``: the most memory of a process that archives so many events (1,000,000 in a full run);
* ``restore``: milliseconds for one body through S3, by one ranged GET and by a GET of the whole segment.

* ``ratios.cpu``: the seconds of a processor that the ZIPs take, by those of the segments; where others are at work on
  the machine, this is the ratio to look at;
* ``through_the_app``: the same events appended and archived by an application: bytes of the database before and after.

Making the dictionary is not in the rates (one serves many segments); how long it takes is said. The streams are made by
``tests/bench/corpus.py``.

    python -m tests.bench.archive [--quick] [--json]
    python -m tests.bench.archive --through-the-app 1000000 [--on sqlite]
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import BytesIO
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile

from eventflow.store.archive import lines
from eventflow.store.archive.bodies import as_json
from eventflow.store.archive.frames import Dictionary, trained
from eventflow.store.archive.segment import ENOUGH, Member, Sealed, SegmentWriter, Slice, read_member
from eventflow.store.codec import Codec
from eventflow.store.objects import Objects, open_objects
from tests.bench.corpus import Corpus
from tests.bench.through_the_app import in_words, through_the_app
from tests.services import an_s3_server

MIB = 1024 * 1024

SAMPLE = 12 * MIB
"""Bytes of lines that a dictionary is made from; about what compressing takes."""


class Sizes(NamedTuple):
    """How much is measured, how often; rates on ``some`` of the events, ``rounds`` times."""

    events: int
    some: int
    rounds: int
    peak: int
    reads: int
    app: int


QUICK = Sizes(events=24_000, some=6_000, rounds=3, peak=40_000, reads=200, app=8_000)
FULL = Sizes(events=120_000, some=24_000, rounds=5, peak=1_000_000, reads=1000, app=60_000)

DATABASES = ("sqlite", "postgresql")


class Written(NamedTuple):
    """What archiving came to."""

    seconds: float
    cpu: float
    bytes: int
    objects: int


class Watch:
    """Counts seconds, of the wall and of the processors."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def passed(self) -> tuple[float, float]:
        """Both since it was made."""
        return time.perf_counter() - self._wall, time.process_time() - self._cpu


def zip_each(slices: Sequence[Slice], folder: Path | None) -> Written:
    """One deflated ZIP for each event, in files or in memory."""
    begun, length, codec = Watch(), 0, Codec()
    made = 0
    for slice in slices:
        for header, body in slice.rows:
            text = as_json(codec.bare(header.codec, body)) or ""
            day = header.recorded_at
            place = folder / f"{made}.zip" if folder is not None else BytesIO()
            with ZipFile(place, "w", ZIP_DEFLATED) as file:
                file.writestr(f"{day:%Y/%m/%d}_{header.position}_{day:%Y_%m_%d}.txt", text)
            length += place.stat().st_size if isinstance(place, Path) else place.tell()
            made += 1
    return Written(*begun.passed(), length, made)


def made_for(slices: Sequence[Slice]) -> Dictionary | None:
    """A dictionary made from some of the slices, from all over."""
    texts = [b"".join(lines.written(one.rows)) for one in slices[:: max(1, len(slices) // 900)]]
    return trained([text for text, upto in zip(texts, accumulate(map(len, texts)), strict=True) if upto <= SAMPLE])


def segments(slices: Iterable[Slice], folder: Path | None, dictionary: Dictionary | None) -> Iterator[Sealed]:
    """As many segments as it takes, in files or in memory."""
    writer, made = None, 0
    for slice in slices:
        if writer is None:
            place = folder / f"{made}.segment" if folder is not None else BytesIO()
            writer, made = SegmentWriter(place, dictionary=dictionary), made + 1
        writer.write(slice)
        if writer.raw >= ENOUGH:
            yield writer.finish()
            writer = None
    if writer is not None:
        yield writer.finish()


def segment_all(slices: Iterable[Slice], folder: Path | None, dictionary: Dictionary | None) -> Written:
    """The same in segments."""
    begun = Watch()
    sealed = list(segments(slices, folder, dictionary))
    return Written(*begun.passed(), sum(one.bytes for one in sealed), len(sealed))


def in_a_folder(write: Callable[[Path], Written]) -> Written:
    """What is written into a folder that is gone afterwards."""
    with TemporaryDirectory() as folder:
        return write(Path(folder))


def formats(sizes: Sizes) -> dict[str, Any]:
    """Both ways, in files and in memory."""
    slices = list(Corpus().slices(sizes.events))
    some = slices[: len(slices) * sizes.some // sizes.events]
    begun = time.perf_counter()
    dictionary = made_for(slices)
    training = time.perf_counter() - begun
    # The rows are here to stay; who archives reads them as they come.
    gc.collect()
    gc.freeze()
    ways: dict[str, Callable[[], Written]] = {
        "zip": lambda: in_a_folder(lambda folder: zip_each(some, folder)),
        "segments": lambda: in_a_folder(lambda folder: segment_all(some, folder, dictionary)),
        "zip_in_memory": lambda: zip_each(some, None),
        "segments_in_memory": lambda: segment_all(some, None, dictionary),
    }
    rounds = [{name: way() for name, way in ways.items()} for _ in range(sizes.rounds)]
    gc.unfreeze()
    found = {name: statistics.median(one[name].seconds for one in rounds) for name in ways}
    cpu = {name: statistics.median(one[name].cpu for one in rounds) for name in ways}
    zips, sealed = zip_each(slices, None), segment_all(slices, None, dictionary)
    events, timed = (sum(len(one.rows) for one in several) for several in (slices, some))
    return {
        "events": events,
        "training_seconds": round(training, 1),
        "rates": {name: round(timed / seconds) for name, seconds in found.items()},
        "rates_of_cpu": {name: round(timed / seconds) for name, seconds in cpu.items()},
        "bytes_per_event": {"zip": round(zips.bytes / events), "segments": round(sealed.bytes / events)},
        "objects": {"zip": zips.objects, "segments": sealed.objects},
        "ratios": {
            "bytes": round(sealed.bytes / zips.bytes, 3),
            "rate": round(found["zip"] / found["segments"], 2),
            "cpu": round(cpu["zip"] / cpu["segments"], 2),
            "rate_in_memory": round(found["zip_in_memory"] / found["segments_in_memory"], 2),
            "objects_per_10000": round(sealed.objects / events * 10_000, 2),
        },
    }


def restore(sizes: Sizes) -> dict[str, Any]:
    """Milliseconds for one body through S3."""
    slices = list(Corpus().slices(24_000))
    dictionary = made_for(slices)
    place = BytesIO()
    with SegmentWriter(place, dictionary=dictionary) as writer:
        for slice in slices:
            writer.write(slice)
        sealed = writer.finish()
    chance = random.Random(7)
    wanted = [chance.choice(sealed.members) for _ in range(sizes.reads)]
    with an_s3_server() as url:
        objects = open_objects(f"{url}/bench?secure=false&create=true")
        objects.put("segment.zip", place.getvalue())
        ranged = [timed(lambda one=one: fetch(objects, one, dictionary)) for one in wanted]  # type: ignore[misc]
        whole = [timed(lambda one=one: fetch_all(objects, one, dictionary)) for one in wanted[:40]]  # type: ignore[misc]
    return {"ranged_get": spread(ranged), "whole_object": spread(whole), "object_mib": round(sealed.bytes / MIB, 1)}


def fetch(objects: Objects, one: Member, dictionary: Dictionary | None) -> bytes:
    """The first body of a piece, by fetching the piece."""
    return read_member(objects.get_range("segment.zip", one.offset, one.length), one, dictionary)[0].body


def fetch_all(objects: Objects, one: Member, dictionary: Dictionary | None) -> bytes:
    """The first body of a piece, by fetching everything."""
    data = objects.get("segment.zip")
    return read_member(data[one.offset : one.offset + one.length], one, dictionary)[0].body


def timed(do: Callable[[], object]) -> float:
    """Milliseconds."""
    begun = time.perf_counter()
    do()
    return (time.perf_counter() - begun) * 1000


def spread(times: Sequence[float]) -> dict[str, float]:
    """The middle and the end of it."""
    ordered = sorted(times)
    return {"p50_ms": round(ordered[len(ordered) // 2], 2), "p99_ms": round(ordered[int(len(ordered) * 0.99)], 2)}


def archive_in_one_go(events: int) -> None:
    """Archive as many events as they come, and print the most memory that this process had."""
    sample = list(Corpus(seed=1).slices(6_000))
    dictionary = made_for(sample)
    del sample
    with TemporaryDirectory() as folder:
        for made in segments(Corpus().slices(events), Path(folder), dictionary):
            del made
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


def peak(events: int) -> int:
    """MiB of a process of its own."""
    command = [sys.executable, "-m", "tests.bench.archive", "--peak", str(events)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="end within about a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--through-the-app", type=int, metavar="EVENTS", help="only this part, with so many events")
    parser.add_argument("--on", choices=DATABASES, help="only on this database")
    parser.add_argument("--peak", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    found: dict[str, Any]
    databases = [arguments.on] if arguments.on else DATABASES
    if arguments.peak:
        archive_in_one_go(arguments.peak)
        return
    if arguments.through_the_app:
        found = through_the_app(arguments.through_the_app, *databases)
        print(json.dumps(found) if arguments.json else in_words(found))
        return
    sizes = QUICK if arguments.quick else FULL
    # First, because a process that is begun inherits the mark of the one that began it.
    found = {"bench": "archive", "peak_mib": peak(sizes.peak), "peak_events": sizes.peak}
    found |= {"through_the_app": through_the_app(sizes.app, *databases), **formats(sizes), "restore": restore(sizes)}
    print(json.dumps(found) if arguments.json else as_text(found))


def as_text(found: dict[str, Any]) -> str:
    """The figures for people."""
    rates, ratios, restored = found["rates"], found["ratios"], found["restore"]
    return "\n".join((
        f"{'':>20}  {'events/s':>9}  {'in memory':>9}  {'bytes/event':>11}  {'objects':>8}",
        *(
            f"{name:>20}  {rates[name]:>9,}  {rates[f'{name}_in_memory']:>9,}  {found['bytes_per_event'][name]:>11,}"
            f"  {found['objects'][name]:>8,}"
            for name in ("zip", "segments")
        ),
        f"{ratios['rate']}× the events/s, {ratios['cpu']}× of a processor, {ratios['rate_in_memory']}× in memory",
        f"{ratios['bytes']}× the bytes",
        f"{found['peak_mib']} MiB at most for {found['peak_events']:,} events",
        f"one body through S3: {restored['ranged_get']} ranged, {restored['whole_object']} whole",
        in_words(found["through_the_app"]),
    ))  # fmt: skip


if __name__ == "__main__":
    main()
