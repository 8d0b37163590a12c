-- alone --
-- One program at a time makes or swaps tables; many start at once.
SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.projections', 0))

-- table --
-- Each set of tables that a projection has, had for a while, or is getting, and how far it has come.
-- The number is never given out twice, so that nobody mistakes a new set for one it knew.
CREATE TABLE IF NOT EXISTS projections (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL,
    version    integer NOT NULL,
    state      text NOT NULL,       -- live, building, checking
    tables     text NOT NULL,       -- their names, with a space between
    position   bigint NOT NULL DEFAULT 0,
    error      text,
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (name, state)
)

-- all --
SELECT number, name, version, state, tables, position, error FROM projections ORDER BY number

-- lock --
-- All of one projection, so that nobody moves or swaps them until the end of this transaction.
SELECT number, name, version, state, tables, position, error
  FROM projections
 WHERE name = %(name)s
 ORDER BY number
   FOR UPDATE

-- add --
INSERT INTO projections (name, version, state, tables) VALUES (%(name)s, %(version)s, %(state)s, %(tables)s)
RETURNING number

-- move --
-- The checkpoint: locked and moved in one go. A second runner waits here, then finds the position changed
-- and has nothing to do.
UPDATE projections
   SET position = %(to)s, error = NULL, updated_at = now()
 WHERE number = %(number)s AND position = %(position)s
RETURNING number

-- stop --
UPDATE projections SET error = %(error)s WHERE number = %(number)s

-- promote --
UPDATE projections SET state = 'live', updated_at = now() WHERE number = %(number)s

-- remove --
DELETE FROM projections WHERE number = %(number)s

-- columns --
SELECT column_name FROM information_schema.columns
 WHERE table_schema = current_schema() AND table_name = %(table)s
 ORDER BY ordinal_position

-- show --
-- The tables of this set are the ones that queries see from now on.
CREATE VIEW {view} AS SELECT * FROM {table}

-- hide --
DROP VIEW {view}

-- discard --
DROP TABLE IF EXISTS {table}

-- count --
SELECT count(*) FROM {table}

-- only_in --
-- Rows that one table has and the other has not; two NULLs are the same here, which is what is meant.
SELECT * FROM {table} EXCEPT SELECT * FROM {other} ORDER BY 1 LIMIT %(limit)s
