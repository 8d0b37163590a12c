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
    sent_at  utctext
);
-- What is due, longest due first; what the broker has; what somebody works on. Each row is in one of them.
CREATE INDEX work_ready ON work (reaction, COALESCE(due, ''), position)
 WHERE sent_at IS NULL AND phase <> 'claimed';
CREATE INDEX work_sent ON work (reaction, sent_at) WHERE sent_at IS NOT NULL AND phase <> 'claimed';
CREATE INDEX work_claimed ON work (position) WHERE phase = 'claimed';
