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
INSERT INTO {history} (stream, version, position, category, name, status, previous, phase, kind, reaction, attempt,
                       owner, due, error, actor, correlation, causation, recorded_at)
SELECT *
  FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
              %s::text[], %s::text[], %s::integer[], %s::uuid[], %s::timestamptz[], %s::text[], %s::text[],
              %s::uuid[], %s::bigint[], %s::timestamptz[])
