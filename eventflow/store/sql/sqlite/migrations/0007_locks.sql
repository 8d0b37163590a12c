-- Who holds which lock, with the last sign of life by the database's own clock. One row for each key there ever was,
-- moved in one transaction with what the stream of the lock says.
CREATE TABLE locks (
    stream        uuidtext NOT NULL PRIMARY KEY,
    key           text NOT NULL UNIQUE,
    token         integer NOT NULL,
    holder        text NOT NULL,
    state         text NOT NULL,
    taken_at      utctext NOT NULL,
    beat_at       utctext NOT NULL,
    lease_seconds real NOT NULL
);
CREATE INDEX locks_held ON locks (key) WHERE state <> 'free';
