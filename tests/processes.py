"""Processes that begin in a moment instead of a second: a server forks them from one that has everything imported."""

from __future__ import annotations

from multiprocessing import get_context

forked = get_context("forkserver")
"""What makes them. There is one server for all, begun with the first of them: what it imports is said here alone."""

forked.set_forkserver_preload(
    [
        "eventflow.runtime.rabbitmq",
        "eventflow.store.postgres.database",
        "tests.crash.archiving",
        "tests.crash.erasing",
        "tests.crash.holders",
        "tests.crash.press",
        "tests.crash.program",
        "tests.crash.resealing",
        "tests.crash.runs",
        "tests.crash.test_keys",
        "tests.crash.travels",
        "tests.projections.test_real_log",
        "tests.store.test_gaps",
        "tests.store.test_schema",
    ]
)
