-- measure --
-- Bytes of the bodies on the disk, without their index; and pages of the table itself, without what is kept beside it.
SELECT pg_table_size('bodies'), (pg_relation_size('bodies') / current_setting('block_size')::int)::bigint;

-- content --
-- How many pages the rows need: their number, as the last vacuum found it, times the size of the latest of them. What
-- is large is kept beside the table, and goes to the front with its row.
SELECT greatest(c.reltuples, 0)::float8 / current_setting('block_size')::int * (
           SELECT coalesce(avg(40 + CASE WHEN pg_column_size(state) > 2000 THEN 18 ELSE pg_column_size(state) END), 0)::float8
             FROM (SELECT state FROM bodies ORDER BY position DESC LIMIT 1000) AS latest)
  FROM pg_class AS c WHERE c.oid = 'bodies'::regclass;

-- sweep --
-- Note which places are free, and give back those at the end of the file.
-- Also of a few rows: one that is left over at the end keeps the file as long as it is.
VACUUM (ANALYZE, INDEX_CLEANUP ON) bodies;

-- tail --
-- The bodies that lie in the last pages of the file.
SELECT position FROM bodies WHERE ctid >= format('(%%s,0)', %(page)s::bigint)::tid;

-- move --
-- A body that is written anew goes to a free place further to the front, once its own page has no room for it. Those
-- that were still in the last pages come back.
UPDATE bodies SET state = state || ''::bytea
 WHERE position = ANY(%(positions)s::bigint[]) AND ctid >= format('(%%s,0)', %(page)s::bigint)::tid
RETURNING position;
