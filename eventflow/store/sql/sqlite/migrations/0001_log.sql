-- The log, its snapshots, and who has read how far.

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
