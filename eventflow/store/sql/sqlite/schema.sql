-- Everything a log keeps in SQLite. This file is the truth; migrations/ is a way to it.
-- uuidtext and utctext are text that comes back as UUID and datetime; times are written with microseconds
-- in UTC, so that they sort as text.

CREATE TABLE events (
    -- AUTOINCREMENT: a position is never handed out twice, not even after its row is gone.
    position    integer  NOT NULL PRIMARY KEY AUTOINCREMENT,
    stream      uuidtext NOT NULL,
    version     integer  NOT NULL,
    category    text     NOT NULL,
    name        text     NOT NULL,
    status      text     NOT NULL,
    previous    text,
    phase       text,
    kind        text,
    recorded_at utctext  NOT NULL,
    reaction    text,
    attempt     integer,
    owner       uuidtext,
    due         utctext,
    error       text,
    correlation uuidtext,
    causation   integer,
    actor       text,
    tenant      text,
    flow        text,
    schema      integer  NOT NULL,
    append      uuidtext NOT NULL,
    codec       text     NOT NULL,
    size        integer  NOT NULL,
    digest      blob     NOT NULL,
    hash        blob     NOT NULL,
    CONSTRAINT events_stream_version UNIQUE (stream, version)
);

-- Bodies stand apart so that dropping or archiving them does not touch the log.
CREATE TABLE bodies (
    position integer NOT NULL PRIMARY KEY,
    state    blob    NOT NULL
);

CREATE TABLE snapshots (
    stream   uuidtext NOT NULL PRIMARY KEY,
    version  integer  NOT NULL,
    category text     NOT NULL,
    state    blob     NOT NULL
);

CREATE TABLE checkpoints (
    name       text    NOT NULL PRIMARY KEY,
    position   integer NOT NULL,
    updated_at utctext NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now'))
);

CREATE TABLE tracking (
    application_name text    NOT NULL PRIMARY KEY,
    notification_id  integer NOT NULL
);

CREATE TABLE workers (
    id            uuidtext NOT NULL PRIMARY KEY,
    name          text     NOT NULL,
    started_at    utctext  NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')),
    beat_at       utctext  NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')),
    lease_seconds real     NOT NULL
);

-- What is to be done with each stream: kept by the relay, in one transaction with its checkpoint.
CREATE TABLE work (
    stream   uuidtext NOT NULL PRIMARY KEY,
    category text     NOT NULL,
    status   text     NOT NULL,
    version  integer  NOT NULL,
    phase    text,
    reaction text,
    attempt  integer,
    due      utctext,
    owner    uuidtext,
    position integer  NOT NULL,
    sent_at  utctext,
    held     text,
    -- Counts how often it was put off, called or given back: what was sent before that counts no more.
    turn     integer NOT NULL DEFAULT 0
);
-- What is due, longest due first; what the broker has; what somebody works on. Each row is in one of them.
CREATE INDEX work_ready ON work (reaction, COALESCE(due, ''), position)
 WHERE sent_at IS NULL AND phase <> 'claimed';
CREATE INDEX work_sent ON work (reaction, sent_at) WHERE sent_at IS NOT NULL AND phase <> 'claimed';
CREATE INDEX work_claimed ON work (position) WHERE phase = 'claimed';
-- What waits for a place, the oldest first.
CREATE INDEX work_held ON work (held, position) WHERE held IS NOT NULL;

-- When each tick ran last, and what came of it.
CREATE TABLE ticks (
    name          text NOT NULL PRIMARY KEY,
    every_seconds real NOT NULL,
    began_at      utctext NOT NULL,
    took_seconds  real NOT NULL,
    done          integer NOT NULL,
    error         text,
    failures      integer NOT NULL,
    heeded        integer NOT NULL,
    host          text NOT NULL
);

-- What was said from outside, so that it works once: the digest of its key, and the last event that came of it.
CREATE TABLE keys (
    key        blob     NOT NULL PRIMARY KEY,
    scope      text     NOT NULL,
    stream     uuidtext NOT NULL,
    version    integer  NOT NULL,
    expires_at utctext  NOT NULL
);
CREATE INDEX keys_expired ON keys (expires_at);

-- The places that attempts have taken of what only so many may do at a time. One whose worker is gone is free.
CREATE TABLE places (
    name     text     NOT NULL,
    stream   uuidtext NOT NULL,
    owner    uuidtext NOT NULL,
    taken_at utctext  NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')),
    PRIMARY KEY (name, stream)
);

-- Hosts that failed last, and until when the ones are left alone that failed too often.
CREATE TABLE circuits (
    host       text     NOT NULL PRIMARY KEY,
    failures   integer  NOT NULL,
    failed_at  utctext NOT NULL,
    open_until utctext
);

-- How much of something there was in a period.
CREATE TABLE tallies (
    key        text     NOT NULL PRIMARY KEY,
    value      integer  NOT NULL,
    expires_at utctext NOT NULL
);

-- The segments: objects into which the bodies of a range of positions were moved. One that is building belongs to
-- its owner for as long as its lease lasts; one that is retired is on its way out, object first. One that replaces
-- another has the same bodies, enciphered; the other stays for a while, and then says only that it was there.
CREATE TABLE archives (
    id          uuidtext NOT NULL PRIMARY KEY,
    key         text     NOT NULL,
    state       text     NOT NULL,
    lo          integer  NOT NULL,
    hi          integer  NOT NULL,
    began_at    utctext  NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')),
    lease_until utctext  NOT NULL,
    sealed_at   utctext,
    actor       text,
    reason      text,
    events      integer  NOT NULL DEFAULT 0,
    members     integer  NOT NULL DEFAULT 0,
    size        integer  NOT NULL DEFAULT 0,
    freed       integer  NOT NULL DEFAULT 0,
    sha256      blob,
    manifest    blob,
    dictionary  blob,
    replaces    uuidtext
);
CREATE INDEX archives_building ON archives (lo) WHERE state <> 'sealed';
CREATE INDEX archives_sealed ON archives (lo) WHERE state = 'sealed';

-- Where the bodies of a stream lie: one row for each run of versions without a gap. A body has one place at most.
-- A run is secret if each body in it is enciphered with the key of its stream.
CREATE TABLE archive_members (
    stream        uuidtext NOT NULL,
    first_version integer  NOT NULL,
    last_version  integer  NOT NULL,
    archive       uuidtext NOT NULL,
    start         integer  NOT NULL,
    length        integer  NOT NULL,
    raw_length    integer  NOT NULL,
    sha256        blob     NOT NULL,
    secret        integer NOT NULL DEFAULT 0,
    PRIMARY KEY (stream, first_version)
);
CREATE INDEX archive_members_archive ON archive_members (archive, start);

-- What segments were compressed with, so that one ranged read is enough to open a member.
CREATE TABLE dictionaries (
    sha256  blob    NOT NULL PRIMARY KEY,
    content blob    NOT NULL,
    made_at utctext NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now'))
);

-- The categories whose bodies a dictionary was made of: pieces of them stand in it as they were.
CREATE TABLE dictionary_sources (
    dictionary blob NOT NULL,
    category   text NOT NULL,
    PRIMARY KEY (dictionary, category)
);

-- Copies of archived bodies that are wanted near for a while.
CREATE TABLE restored (
    position integer NOT NULL PRIMARY KEY,
    state    blob    NOT NULL,
    until    utctext NOT NULL
);
CREATE INDEX restored_until ON restored (until);

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

-- The keys of streams whose bodies are enciphered, each wrapped by a master key that is not in here. Of one that was
-- erased the key is gone, and its row says so for ever.
CREATE TABLE stream_keys (
    stream    uuidtext NOT NULL PRIMARY KEY,
    category  text     NOT NULL,
    master    text,
    key       blob,
    made_at   utctext  NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')),
    erased_at utctext,
    position  integer
);
CREATE INDEX stream_keys_master ON stream_keys (master) WHERE master IS NOT NULL;
