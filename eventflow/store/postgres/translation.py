"""What the errors of the driver mean to a caller."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from eventflow.errors import EventflowError, StorageFull, Unavailable

# The server ends the session of a process that was held in the middle of a transaction: it may begin anew.
_OUT_OF_REACH = (psycopg.OperationalError, psycopg.InterfaceError, errors.IdleInTransactionSessionTimeout)


def translated(error: psycopg.Error) -> EventflowError | psycopg.Error:
    """What a driver error means to a caller, or the error itself when it is a mistake in a statement."""
    if isinstance(error, errors.DiskFull):
        return StorageFull("PostgreSQL", error)
    if isinstance(error, errors.ProtocolViolation) and error.diag.severity_nonlocalized == "ERROR":
        # The server goes on, and would say no again: a statement was asked with the parameters of another one.
        return error
    if isinstance(error, _OUT_OF_REACH):
        return Unavailable("PostgreSQL", error)
    return error


@contextmanager
def translation() -> Iterator[None]:
    """A context in which the errors of the driver become those of this library."""
    try:
        yield
    except psycopg.Error as error:
        meant = translated(error)
        if meant is error:
            raise
        raise meant from error
