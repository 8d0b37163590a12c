-- create --
-- What happened to the work on a stream, a row per event that has a phase.
CREATE TABLE {history} (
    stream      uuid NOT NULL,
    version     bigint NOT NULL,
    position    bigint NOT NULL,
    category    text NOT NULL,
    name        text NOT NULL,
    status      text NOT NULL,
    previous    text,
    phase       text NOT NULL,
    kind        text,
    reaction    text,
    attempt     integer,
    owner       uuid,
    due         timestamptz,
    error       text,
    actor       text,
    correlation uuid,
    causation   bigint,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (stream, version)
)

-- insert --
-- Arrays travel in binary (%b), which costs half of what text does.
INSERT INTO {history} (stream, version, position, category, name, status, previous, phase, kind, reaction, attempt,
                       owner, due, error, actor, correlation, causation, recorded_at)
SELECT *
  FROM unnest(%b::uuid[], %b::bigint[], %b::bigint[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[],
              %b::text[], %b::text[], %b::integer[], %b::uuid[], %b::timestamptz[], %b::text[], %b::text[],
              %b::uuid[], %b::bigint[], %b::timestamptz[])

-- create_stories --
-- Which streams take part in a story. A stream whose story is called by its own id needs no row.
CREATE TABLE {stories} (
    correlation uuid NOT NULL,
    stream      uuid NOT NULL,
    PRIMARY KEY (correlation, stream)
)

-- take_part --
INSERT INTO {stories} (correlation, stream)
SELECT * FROM unnest(%b::uuid[], %b::uuid[])
    ON CONFLICT DO NOTHING

-- forget --
-- Who did what before a stream was erased, and what went wrong.
UPDATE {history} SET error = NULL, actor = NULL WHERE stream = ANY(%b::uuid[]) AND phase <> 'erased'
