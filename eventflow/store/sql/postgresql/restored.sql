-- of --
-- The copies of a run of versions that are here.
SELECT e.version, r.state FROM events AS e JOIN restored AS r USING (position)
 WHERE e.stream = %(stream)s AND e.version BETWEEN %(first)s AND %(last)s;

-- until --
-- Until when the copies of a run of versions are here.
SELECT e.version, r.until FROM events AS e JOIN restored AS r USING (position)
 WHERE e.stream = %(stream)s AND e.version BETWEEN %(first)s AND %(last)s;

-- put --
-- Copies, or a longer time for those that are here. In one order, so that two who restore the same never wait for each
-- other.
INSERT INTO restored (position, state, until)
SELECT * FROM unnest(%s::bigint[], %s::bytea[], %s::timestamptz[]) AS given (position, state, until) ORDER BY position
    ON CONFLICT (position) DO UPDATE SET until = greatest(restored.until, excluded.until);

-- drop --
-- Copies that were chosen, some at a time: only what a segment holds. The time is asked twice, and what somebody is
-- about is passed over: a copy may just be given a longer time.
DELETE FROM restored
 WHERE until <= coalesce(%(now)s::timestamptz, 'infinity')
   AND position IN (
       SELECT r.position
         FROM restored AS r JOIN events AS e USING (position)
        WHERE r.until <= coalesce(%(now)s::timestamptz, 'infinity')
          AND r.position BETWEEN %(lo)s AND %(hi)s
          AND (%(stream)s::uuid IS NULL OR e.stream = %(stream)s)
          AND (%(category)s::text IS NULL OR e.category = %(category)s)
          AND EXISTS (SELECT FROM archive_members AS m
                       WHERE m.stream = e.stream AND m.first_version <= e.version AND m.last_version >= e.version)
        ORDER BY r.until, r.position LIMIT %(limit)s
          FOR UPDATE OF r SKIP LOCKED)
RETURNING octet_length(state);

-- count --
-- What would be dropped.
SELECT count(*), coalesce(sum(octet_length(r.state)), 0)::bigint
  FROM restored AS r JOIN events AS e USING (position)
 WHERE r.until <= coalesce(%(now)s::timestamptz, 'infinity')
   AND r.position BETWEEN %(lo)s AND %(hi)s
   AND (%(stream)s::uuid IS NULL OR e.stream = %(stream)s)
   AND (%(category)s::text IS NULL OR e.category = %(category)s);
