-- Everything a log keeps in PostgreSQL. This file is the truth; migrations/ is a way to it.

-- CACHE 1 (the default) is part of the proof that no reader skips an event: a session that kept positions
-- in store could draw one below the bound it announced.
CREATE SEQUENCE events_position_seq AS bigint;

CREATE TABLE events (
    position    bigint      NOT NULL PRIMARY KEY,
    stream      uuid        NOT NULL,
    version     bigint      NOT NULL,
    category    text        NOT NULL,
    name        text        NOT NULL,
    status      text        NOT NULL,
    previous    text,
    phase       text,
    kind        text,
    recorded_at timestamptz NOT NULL,
    reaction    text,
    attempt     integer,
    owner       uuid,
    due         timestamptz,
    error       text,
    correlation uuid,
    causation   bigint,
    actor       text,
    tenant      text,
    flow        text,
    schema      integer     NOT NULL,
    append      uuid        NOT NULL,
    codec       text        NOT NULL,
    size        integer     NOT NULL,
    digest      bytea       NOT NULL,
    hash        bytea       NOT NULL,
    CONSTRAINT events_stream_version UNIQUE (stream, version)
);
ALTER SEQUENCE events_position_seq OWNED BY events.position;

-- Bodies stand apart so that dropping or archiving them neither rewrites nor bloats the log.
CREATE TABLE bodies (
    position bigint NOT NULL PRIMARY KEY,
    state    bytea  NOT NULL
);
-- The bytes are compressed already.
ALTER TABLE bodies ALTER COLUMN state SET STORAGE EXTERNAL;

-- A row on its way in: all of a batch travels as one binary array of these. What is always there and
-- always as long comes first, so that one struct packs it.
CREATE TYPE event_row AS (
    stream      uuid,
    version     bigint,
    recorded_at timestamptz,
    schema      integer,
    append      uuid,
    size        integer,
    digest      bytea,
    hash        bytea,
    category    text,
    name        text,
    status      text,
    previous    text,
    phase       text,
    kind        text,
    reaction    text,
    attempt     integer,
    owner       uuid,
    due         timestamptz,
    error       text,
    correlation uuid,
    causation   bigint,
    actor       text,
    tenant      text,
    flow        text,
    codec       text,
    state       bytea,
    expected    bigint
);

-- The position up to which nothing can appear any more. VOLATILE on purpose: each statement in it takes a
-- snapshot of its own, and the sequence must be read before the locks.
CREATE FUNCTION horizon() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    top bigint;
    low bigint;
BEGIN
    top := coalesce(pg_sequence_last_value('events_position_seq'::regclass), 0);
    -- A held key k says: this transaction may still show positions above k. Keys are positions modulo 2^31,
    -- so they are compared by distance; one taken after `top` was read lies a little ahead of it.
    SELECT min(top - CASE WHEN distance > 1073741824 THEN distance - 2147483648 ELSE distance END) INTO low
      FROM (SELECT (top - objid::bigint) & 2147483647 AS distance
              FROM pg_locks
             WHERE locktype = 'advisory' AND objsubid = 2
               AND classid = 'events_position_seq'::regclass::oid
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS held;
    RETURN least(top, coalesce(low, top));
END $$;

-- The headers that follow a position. One round trip, yet the rows are read with a later snapshot than the
-- horizon, because each statement of a VOLATILE function takes its own.
CREATE FUNCTION tail(after bigint, most integer) RETURNS SETOF events LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    upto bigint := horizon();
BEGIN
    RETURN QUERY SELECT * FROM events WHERE position > after AND position <= upto ORDER BY position LIMIT most;
END $$;

CREATE TABLE snapshots (
    stream   uuid   NOT NULL PRIMARY KEY,
    version  bigint NOT NULL,
    category text   NOT NULL,
    state    bytea  NOT NULL
);

CREATE TABLE checkpoints (
    name       text        NOT NULL PRIMARY KEY,
    position   bigint      NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE tracking (
    application_name text   NOT NULL PRIMARY KEY,
    notification_id  bigint NOT NULL
);

CREATE TABLE workers (
    id            uuid             NOT NULL PRIMARY KEY,
    name          text             NOT NULL,
    started_at    timestamptz      NOT NULL DEFAULT now(),
    beat_at       timestamptz      NOT NULL DEFAULT now(),
    lease_seconds double precision NOT NULL
);

-- What is to be done with each stream: kept by the relay, in one transaction with its checkpoint.
CREATE TABLE work (
    stream   uuid    NOT NULL PRIMARY KEY,
    category text    NOT NULL,
    status   text    NOT NULL,
    version  bigint  NOT NULL,
    phase    text,
    reaction text,
    attempt  integer,
    due      timestamptz,
    owner    uuid,
    position bigint  NOT NULL,
    sent_at  timestamptz,
    held     text,
    -- Counts how often it was put off, called or given back: what was sent before that counts no more.
    turn     integer NOT NULL DEFAULT 0
);
-- What is due, longest due first; what the broker has; what somebody works on. Each row is in one of them.
CREATE INDEX work_ready ON work (reaction, (COALESCE(due, '-infinity')), position)
 WHERE sent_at IS NULL AND phase <> 'claimed';
CREATE INDEX work_sent ON work (reaction, sent_at) WHERE sent_at IS NOT NULL AND phase <> 'claimed';
CREATE INDEX work_claimed ON work (position) WHERE phase = 'claimed';
-- What waits for a place, the oldest first.
CREATE INDEX work_held ON work (held, position) WHERE held IS NOT NULL;

-- When each tick ran last, and what came of it.
CREATE TABLE ticks (
    name          text NOT NULL PRIMARY KEY,
    every_seconds double precision NOT NULL,
    began_at      timestamptz NOT NULL,
    took_seconds  double precision NOT NULL,
    done          bigint NOT NULL,
    error         text,
    failures      integer NOT NULL,
    heeded        bigint NOT NULL,
    host          text NOT NULL
);

-- What was said from outside, so that it works once: the digest of its key, and the last event that came of it.
CREATE TABLE keys (
    key        bytea       NOT NULL PRIMARY KEY,
    scope      text        NOT NULL,
    stream     uuid        NOT NULL,
    version    bigint      NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX keys_expired ON keys (expires_at);

-- The places that attempts have taken of what only so many may do at a time. One whose worker is gone is free.
CREATE TABLE places (
    name     text        NOT NULL,
    stream   uuid        NOT NULL,
    owner    uuid        NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, stream)
);

-- Hosts that failed last, and until when the ones are left alone that failed too often.
CREATE TABLE circuits (
    host       text        NOT NULL PRIMARY KEY,
    failures   integer     NOT NULL,
    failed_at  timestamptz NOT NULL,
    open_until timestamptz
);

-- How much of something there was in a period.
CREATE TABLE tallies (
    key        text        NOT NULL PRIMARY KEY,
    value      bigint      NOT NULL,
    expires_at timestamptz NOT NULL
);

-- The segments: objects into which the bodies of a range of positions were moved. One that is building belongs to
-- its owner for as long as its lease lasts; one that is retired is on its way out, object first. One that replaces
-- another has the same bodies, enciphered; the other stays for a while, and then says only that it was there.
CREATE TABLE archives (
    id          uuid         NOT NULL PRIMARY KEY,
    key         text         NOT NULL,
    state       text         NOT NULL,
    lo          bigint       NOT NULL,
    hi          bigint       NOT NULL,
    began_at    timestamptz  NOT NULL DEFAULT now(),
    lease_until timestamptz  NOT NULL,
    sealed_at   timestamptz,
    actor       text,
    reason      text,
    events      bigint       NOT NULL DEFAULT 0,
    members     bigint       NOT NULL DEFAULT 0,
    size        bigint      NOT NULL DEFAULT 0,
    freed       bigint       NOT NULL DEFAULT 0,
    sha256      bytea,
    manifest    bytea,
    dictionary  bytea,
    replaces    uuid
);
CREATE INDEX archives_building ON archives (lo) WHERE state <> 'sealed';
CREATE INDEX archives_sealed ON archives (lo) WHERE state = 'sealed';

-- Where the bodies of a stream lie: one row for each run of versions without a gap. A body has one place at most.
-- A run is secret if each body in it is enciphered with the key of its stream.
CREATE TABLE archive_members (
    stream        uuid   NOT NULL,
    first_version bigint NOT NULL,
    last_version  bigint NOT NULL,
    archive       uuid   NOT NULL,
    start         bigint NOT NULL,
    length        bigint NOT NULL,
    raw_length    bigint NOT NULL,
    sha256        bytea  NOT NULL,
    secret        boolean NOT NULL DEFAULT false,
    PRIMARY KEY (stream, first_version)
);
CREATE INDEX archive_members_archive ON archive_members (archive, start);

-- What segments were compressed with, so that one ranged read is enough to open a member.
CREATE TABLE dictionaries (
    sha256  bytea       NOT NULL PRIMARY KEY,
    content bytea       NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
);

-- The categories whose bodies a dictionary was made of: pieces of them stand in it as they were.
CREATE TABLE dictionary_sources (
    dictionary bytea NOT NULL,
    category   text NOT NULL,
    PRIMARY KEY (dictionary, category)
);

-- Copies of archived bodies that are wanted near for a while.
CREATE TABLE restored (
    position bigint      NOT NULL PRIMARY KEY,
    state    bytea       NOT NULL,
    until    timestamptz NOT NULL
);
ALTER TABLE restored ALTER COLUMN state SET STORAGE EXTERNAL;
CREATE INDEX restored_until ON restored (until);

-- Who holds which lock, with the last sign of life by the database's own clock. One row for each key there ever was,
-- moved in one transaction with what the stream of the lock says.
CREATE TABLE locks (
    stream        uuid NOT NULL PRIMARY KEY,
    key           text NOT NULL UNIQUE,
    token         bigint NOT NULL,
    holder        text NOT NULL,
    state         text NOT NULL,
    taken_at      timestamptz NOT NULL,
    beat_at       timestamptz NOT NULL,
    lease_seconds double precision NOT NULL
);
CREATE INDEX locks_held ON locks (key) WHERE state <> 'free';

-- The keys of streams whose bodies are enciphered, each wrapped by a master key that is not in here. Of one that was
-- erased the key is gone, and its row says so for ever.
CREATE TABLE stream_keys (
    stream    uuid        NOT NULL PRIMARY KEY,
    category  text        NOT NULL,
    master    text,
    key       bytea,
    made_at   timestamptz NOT NULL DEFAULT now(),
    erased_at timestamptz,
    position  bigint
);
CREATE INDEX stream_keys_master ON stream_keys (master) WHERE master IS NOT NULL;
