-- create --
-- One row per stream: where it stands. created_position never changes, which makes it the key to page by.
CREATE TABLE {items} (
    stream           uuid PRIMARY KEY,
    category         text NOT NULL,
    status           text NOT NULL,
    previous         text,
    version          bigint NOT NULL,
    position         bigint NOT NULL,
    created_position bigint NOT NULL,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    tenant           text,
    phase            text,
    reaction         text,
    attempt          integer,
    due              timestamptz,
    error            text,
    fingerprint      text,
    flow             text
)

-- create_order --
CREATE UNIQUE INDEX {items}_order ON {items} (created_position)

-- create_category --
-- All items of one category, in the order in which they are paged through; by status it would have to be sorted.
CREATE INDEX {items}_category ON {items} (category, created_position)

-- create_status --
CREATE INDEX {items}_status ON {items} (category, status, created_position)

-- create_failures --
-- What failed and waits for a person, by the kind of error.
CREATE INDEX {items}_failures ON {items} (category, status, fingerprint, position)
 WHERE error IS NOT NULL AND phase = 'announced'

-- create_flow --
-- Who goes by a flow, and how.
CREATE INDEX {items}_flow ON {items} (flow, status) WHERE flow IS NOT NULL

-- upsert --
-- A stream of which the batch had no event with a phase keeps what its work looked like; one whose status did
-- not change keeps its previous status. Arrays travel in binary (%b), which costs half of what text does.
INSERT INTO {items} AS present (stream, category, status, previous, version, position, created_position,
                                created_at, updated_at, tenant, phase, reaction, attempt, due, error, fingerprint,
                                flow)
SELECT *
  FROM unnest(%b::uuid[], %b::text[], %b::text[], %b::text[], %b::bigint[], %b::bigint[], %b::bigint[],
              %b::timestamptz[], %b::timestamptz[], %b::text[], %b::text[], %b::text[], %b::integer[],
              %b::timestamptz[], %b::text[], %b::text[], %b::text[])
    ON CONFLICT (stream) DO UPDATE
   SET status      = excluded.status,
       previous    = COALESCE(excluded.previous, present.previous),
       version     = excluded.version,
       position    = excluded.position,
       updated_at  = excluded.updated_at,
       tenant      = COALESCE(present.tenant, excluded.tenant),
       phase       = COALESCE(excluded.phase, present.phase),
       reaction    = CASE WHEN excluded.phase IS NULL THEN present.reaction ELSE excluded.reaction END,
       attempt     = CASE WHEN excluded.phase IS NULL THEN present.attempt ELSE excluded.attempt END,
       due         = CASE WHEN excluded.phase IS NULL THEN present.due ELSE excluded.due END,
       error       = CASE WHEN excluded.phase IS NULL THEN present.error ELSE excluded.error END,
       fingerprint = CASE WHEN excluded.phase IS NULL THEN present.fingerprint ELSE excluded.fingerprint END,
       flow        = excluded.flow
