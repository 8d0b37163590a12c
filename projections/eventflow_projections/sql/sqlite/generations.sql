-- alone --
-- Nothing to do: whoever has begun to write is the only one who writes.
SELECT 1

-- table --
-- Each set of tables that a projection has, had for a while, or is getting, and how far it has come.
-- The number is never given out twice, so that nobody mistakes a new set for one it knew.
CREATE TABLE IF NOT EXISTS projections (
    number     integer PRIMARY KEY AUTOINCREMENT,
    name       text NOT NULL,
    version    integer NOT NULL,
    state      text NOT NULL,       -- live, building, checking
    tables     text NOT NULL,       -- their names, with a space between
    position   integer NOT NULL DEFAULT 0,
    error      text,
    updated_at text NOT NULL DEFAULT CURRENT_TIMESTAMP,
    UNIQUE (name, state)
)

-- all --
SELECT number, name, version, state, tables, position, error FROM projections ORDER BY number

-- lock --
-- All of one projection; nobody else writes before the end of this transaction.
SELECT number, name, version, state, tables, position, error
  FROM projections
 WHERE name = :name
 ORDER BY number

-- add --
INSERT INTO projections (name, version, state, tables) VALUES (:name, :version, :state, :tables)
RETURNING number

-- move --
-- The checkpoint: of two runners that read the same batch, the second finds the position changed and has
-- nothing to do.
UPDATE projections
   SET position = :to, error = NULL, updated_at = CURRENT_TIMESTAMP
 WHERE number = :number AND position = :position
RETURNING number

-- stop --
UPDATE projections SET error = :error WHERE number = :number

-- promote --
UPDATE projections SET state = 'live', updated_at = CURRENT_TIMESTAMP WHERE number = :number

-- remove --
DELETE FROM projections WHERE number = :number

-- columns --
SELECT name FROM pragma_table_info(:table) ORDER BY cid

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
SELECT * FROM {table} EXCEPT SELECT * FROM {other} ORDER BY 1 LIMIT :limit
