-- first_at --
-- The first event from a position on, and when it was: the log is searched for a moment with these.
SELECT position, recorded_at FROM events WHERE position >= %(position)s ORDER BY position LIMIT 1;

-- identity --
-- What is different in any two logs: the hash of the first event.
SELECT hash FROM events ORDER BY position LIMIT 1;

-- bodies --
-- Bodies that are still here and in no segment that somebody is about, in the order of the log. What says of a stream
-- that it was erased stays.
SELECT e.position, e.stream, e.version, e.category, e.recorded_at, e.size
  FROM bodies AS b JOIN events AS e USING (position)
 WHERE b.position > %(after)s AND b.position <= %(upto)s
   AND (%(category)s::text IS NULL OR e.category = %(category)s)
   AND e.phase IS DISTINCT FROM 'erased'
   AND NOT EXISTS (SELECT FROM archives AS a WHERE a.state = 'building' AND b.position BETWEEN a.lo AND a.hi)
 ORDER BY b.position LIMIT %(limit)s;

-- bodies_of --
-- The same of one stream, which is found without looking at the others.
SELECT e.position, e.stream, e.version, e.category, e.recorded_at, e.size
  FROM events AS e JOIN bodies AS b USING (position)
 WHERE e.stream = %(stream)s AND e.position > %(after)s AND e.position <= %(upto)s
   AND e.phase IS DISTINCT FROM 'erased'
   AND NOT EXISTS (SELECT FROM archives AS a WHERE a.state = 'building' AND e.position BETWEEN a.lo AND a.hi)
 ORDER BY e.position LIMIT %(limit)s;

-- sums --
-- What the bodies from before a moment come to, of one category or of all but some and the library's own.
SELECT count(*), count(DISTINCT e.stream), coalesce(sum(e.size), 0)
  FROM bodies AS b JOIN events AS e USING (position)
 WHERE b.position > %(after)s AND b.position <= %(upto)s AND e.recorded_at < %(moment)s
   AND (%(category)s::text IS NULL OR e.category = %(category)s)
   AND (%(stream)s::uuid IS NULL OR e.stream = %(stream)s)
   AND e.category <> ALL(%(without)s::text[])
   AND substr(e.category, 1, 10) <> 'eventflow_'
   AND NOT EXISTS (SELECT FROM archives AS a WHERE a.state = 'building' AND b.position BETWEEN a.lo AND a.hi);

-- read --
-- These bodies, as far as they are still here, with their headers.
SELECT {columns}, state FROM events JOIN bodies USING (position) WHERE position = ANY(%(positions)s::bigint[]) ORDER BY stream, version;

-- drop --
-- Each that goes is told, so that one that was gone already is noticed.
DELETE FROM bodies WHERE position = ANY(%(positions)s::bigint[]) RETURNING 1;

-- snapshotted --
-- How far each of these streams is snapshotted.
SELECT stream, version FROM snapshots WHERE stream = ANY(%(streams)s::uuid[]);

-- count --
SELECT count(*) FROM bodies;

-- homeless --
-- Events whose body is neither here nor in a segment, though nobody erased it.
SELECT e.position, e.stream, e.version, e.name FROM events AS e LEFT JOIN bodies AS b USING (position)
 WHERE e.position > %(after)s AND e.position <= %(upto)s AND b.position IS NULL
   AND NOT EXISTS (SELECT FROM stream_keys AS k WHERE k.stream = e.stream AND k.erased_at IS NOT NULL)
   AND NOT EXISTS (
           SELECT FROM archive_members AS m
            WHERE m.stream = e.stream AND m.first_version <= e.version AND m.last_version >= e.version)
 ORDER BY e.position LIMIT %(limit)s;

-- doubled --
-- Bodies that are here although a segment holds them.
SELECT e.position, e.stream, e.version, e.name FROM bodies AS b JOIN events AS e USING (position)
 WHERE e.position > %(after)s AND e.position <= %(upto)s
   AND EXISTS (
           SELECT FROM archive_members AS m
            WHERE m.stream = e.stream AND m.first_version <= e.version AND m.last_version >= e.version)
 ORDER BY e.position LIMIT %(limit)s;

-- headers --
SELECT {columns} FROM events WHERE position = ANY(%(positions)s::bigint[]);
