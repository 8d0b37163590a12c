-- first_at --
-- The first event from a position on, and when it was: the log is searched for a moment with these.
SELECT position, recorded_at FROM events WHERE position >= :position ORDER BY position LIMIT 1;

-- identity --
-- What is different in any two logs: the hash of the first event.
SELECT hash FROM events ORDER BY position LIMIT 1;

-- bodies --
-- Bodies that are still here and in no segment that somebody is about, in the order of the log. What says of a stream
-- that it was erased stays.
SELECT e.position, e.stream, e.version, e.category, e.recorded_at, e.size
  FROM bodies AS b JOIN events AS e USING (position)
 WHERE b.position > :after AND b.position <= :upto
   AND (:category IS NULL OR e.category = :category)
   AND e.phase IS NOT 'erased'
   AND NOT EXISTS (SELECT 1 FROM archives AS a WHERE a.state = 'building' AND b.position BETWEEN a.lo AND a.hi)
 ORDER BY b.position LIMIT :limit;

-- bodies_of --
-- The same of one stream, which is found without looking at the others.
SELECT e.position, e.stream, e.version, e.category, e.recorded_at, e.size
  FROM events AS e JOIN bodies AS b USING (position)
 WHERE e.stream = :stream AND e.position > :after AND e.position <= :upto
   AND e.phase IS NOT 'erased'
   AND NOT EXISTS (SELECT 1 FROM archives AS a WHERE a.state = 'building' AND e.position BETWEEN a.lo AND a.hi)
 ORDER BY e.position LIMIT :limit;

-- sums --
-- What the bodies from before a moment come to, of one category or of all but some and the library's own.
SELECT count(*), count(DISTINCT e.stream), coalesce(sum(e.size), 0)
  FROM bodies AS b JOIN events AS e USING (position)
 WHERE b.position > :after AND b.position <= :upto AND e.recorded_at < :moment
   AND (:category IS NULL OR e.category = :category)
   AND (:stream IS NULL OR e.stream = :stream)
   AND NOT e.category IN (SELECT value FROM json_each(:without))
   AND substr(e.category, 1, 10) <> 'eventflow_'
   AND NOT EXISTS (SELECT 1 FROM archives AS a WHERE a.state = 'building' AND b.position BETWEEN a.lo AND a.hi);

-- read --
-- These bodies, as far as they are still here, with their headers.
SELECT {columns}, state FROM events JOIN bodies USING (position) WHERE position IN (SELECT value FROM json_each(:positions)) ORDER BY stream, version;

-- drop --
-- Each that goes is told, so that one that was gone already is noticed.
DELETE FROM bodies WHERE position IN (SELECT value FROM json_each(:positions)) RETURNING 1;

-- snapshotted --
-- How far each of these streams is snapshotted.
SELECT stream, version FROM snapshots WHERE stream IN (SELECT value FROM json_each(:streams));

-- count --
SELECT count(*) FROM bodies;

-- homeless --
-- Events whose body is neither here nor in a segment, though nobody erased it.
SELECT e.position, e.stream, e.version, e.name FROM events AS e LEFT JOIN bodies AS b USING (position)
 WHERE e.position > :after AND e.position <= :upto AND b.position IS NULL
   AND NOT EXISTS (SELECT 1 FROM stream_keys AS k WHERE k.stream = e.stream AND k.erased_at IS NOT NULL)
   AND NOT EXISTS (
           SELECT 1 FROM archive_members AS m
            WHERE m.stream = e.stream AND m.first_version <= e.version AND m.last_version >= e.version)
 ORDER BY e.position LIMIT :limit;

-- doubled --
-- Bodies that are here although a segment holds them.
SELECT e.position, e.stream, e.version, e.name FROM bodies AS b JOIN events AS e USING (position)
 WHERE e.position > :after AND e.position <= :upto
   AND EXISTS (
           SELECT 1 FROM archive_members AS m
            WHERE m.stream = e.stream AND m.first_version <= e.version AND m.last_version >= e.version)
 ORDER BY e.position LIMIT :limit;

-- headers --
SELECT {columns} FROM events WHERE position IN (SELECT value FROM json_each(:positions));
