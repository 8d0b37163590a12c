-- create --
-- What happened to the work on a stream, a row per event that has a phase.
CREATE TABLE {history} (
    stream      uuidtext NOT NULL,
    version     integer NOT NULL,
    position    integer NOT NULL,
    category    text NOT NULL,
    name        text NOT NULL,
    status      text NOT NULL,
    previous    text,
    phase       text NOT NULL,
    kind        text,
    reaction    text,
    attempt     integer,
    owner       uuidtext,
    due         utctext,
    error       text,
    actor       text,
    correlation uuidtext,
    causation   integer,
    recorded_at utctext NOT NULL,
    PRIMARY KEY (stream, version)
) WITHOUT ROWID

-- insert --
INSERT INTO {history} (stream, version, position, category, name, status, previous, phase, kind, reaction, attempt,
                       owner, due, error, actor, correlation, causation, recorded_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- create_stories --
-- Which streams take part in a story. A stream whose story is called by its own id needs no row.
CREATE TABLE {stories} (
    correlation uuidtext NOT NULL,
    stream      uuidtext NOT NULL,
    PRIMARY KEY (correlation, stream)
) WITHOUT ROWID

-- take_part --
INSERT INTO {stories} (correlation, stream)
VALUES (?, ?)
    ON CONFLICT DO NOTHING

-- forget --
-- Who did what before a stream was erased, and what went wrong.
UPDATE {history} SET error = NULL, actor = NULL WHERE stream = ? AND phase <> 'erased'
