"""The one transaction in which a stream is erased."""

from __future__ import annotations

from eventsourcing.persistence import IntegrityError

from eventflow.errors import VersionConflict
from eventflow.model.recorded import Header
from eventflow.store.archive.catalogue import Catalogue
from eventflow.store.database import Database
from eventflow.store.log import Append, Log


def erase(database: Database, log: Log, append: Append) -> Header:
    """Append what says that a stream is erased, and let go of its key and its bodies: all of it or nothing.

    Raises ``VersionConflict`` when something was appended meanwhile, ``Refused`` when segments hold bodies in plain.
    """
    try:
        with database.transaction() as transaction:
            log.keyring.alone(transaction)
            # What opens nothing any more is made of somebody's words as well.
            Catalogue(database).forget_dictionaries(transaction)
            [header] = log.append_within(transaction, append)
            log.keyring.destroy(transaction, header)
    except IntegrityError as error:
        raise VersionConflict(append.stream, append.head.version) from error
    log.keyring.forget(append.stream)
    log.bell.ring()
    return header
