-- keep --
-- A key for a stream that has none; whoever comes at the same moment gets the one that was first.
INSERT INTO stream_keys (stream, category, master, key)
VALUES (%(stream)s, %(category)s, %(master)s, %(key)s)
ON CONFLICT (stream) DO NOTHING;

-- find --
-- The keys of streams; of those that were erased, where that stands in the log.
SELECT stream, master, key, position FROM stream_keys WHERE stream = ANY(%(streams)s::uuid[]);

-- erasures --
-- The headers that say of these streams that they were erased.
SELECT {columns} FROM events WHERE position IN (
       SELECT position FROM stream_keys WHERE stream = ANY(%(streams)s::uuid[]) AND position IS NOT NULL);

-- alone --
-- While a stream is erased, nobody moves bodies about: what was read before is not written after.
SELECT 1 FROM (SELECT pg_advisory_xact_lock('stream_keys'::regclass::oid::int, 0)) AS locked;

-- beside --
-- Many may move bodies about at once, none of them while a stream is erased.
SELECT 1 FROM (SELECT pg_advisory_xact_lock_shared('stream_keys'::regclass::oid::int, 0)) AS locked;

-- destroy --
-- The key is gone for good; the row stays, so that there is never another one.
INSERT INTO stream_keys AS k (stream, category, erased_at, position)
VALUES (%(stream)s, %(category)s, %(erased_at)s, %(position)s)
ON CONFLICT (stream) DO UPDATE
   SET master = NULL, key = NULL, erased_at = excluded.erased_at, position = excluded.position;

-- drop_bodies --
DELETE FROM bodies
 WHERE position IN (SELECT position FROM events WHERE stream = %(stream)s AND position <> %(position)s)
RETURNING 1;

-- drop_copies --
DELETE FROM restored WHERE position IN (SELECT position FROM events WHERE stream = %(stream)s) RETURNING 1;

-- drop_snapshot --
DELETE FROM snapshots WHERE stream = %(stream)s RETURNING 1;

-- bare_in_segments --
-- What holds bodies of a stream without a cipher, and how many; none where a dictionary alone may say something of
-- them. Segments that were replaced count for as long as there is an object.
WITH plain AS (
    SELECT m.archive, m.secret, e.position
      FROM archive_members AS m
      JOIN events AS e ON e.stream = m.stream AND e.version BETWEEN m.first_version AND m.last_version
     WHERE m.stream = %(stream)s AND e.codec NOT LIKE '%%k')
SELECT a.key, a.state, count(*)
  FROM plain JOIN archives AS a ON a.id = plain.archive
 WHERE NOT plain.secret
 GROUP BY a.key, a.state
 UNION ALL
SELECT a.key, a.state, 0
  FROM archives AS a
 WHERE a.state IN ('sealed', 'replaced') AND EXISTS (SELECT 1 FROM plain) AND (
       a.state = 'replaced' AND EXISTS (SELECT 1 FROM plain WHERE position BETWEEN a.lo AND a.hi)
    OR EXISTS (SELECT 1 FROM dictionary_sources AS d
                WHERE d.dictionary = a.dictionary AND d.category = %(category)s::text))
 ORDER BY 1;

-- amount --
-- What there is of a stream: bodies here, bodies in segments, copies.
SELECT (SELECT count(*) FROM events AS e JOIN bodies USING (position) WHERE e.stream = %(stream)s),
       (SELECT coalesce(sum(last_version - first_version + 1), 0)::bigint FROM archive_members WHERE stream = %(stream)s),
       (SELECT count(*) FROM events AS e JOIN restored USING (position) WHERE e.stream = %(stream)s);

-- master_after --
-- The master keys in use, one by one.
SELECT min(master) FROM stream_keys WHERE master IS NOT NULL AND master > %(after)s;

-- standing --
-- How many keys each master key wraps; and how many streams were erased, under no name.
SELECT coalesce(master, ''), count(*) FROM stream_keys GROUP BY master ORDER BY master;

-- stale --
-- Keys that another master key wraps, some at a time.
SELECT stream, master, key FROM stream_keys
 WHERE stream > %(after)s AND master <> %(current)s ORDER BY stream LIMIT %(limit)s;

-- rewrap --
-- One that was erased meanwhile stays erased.
UPDATE stream_keys SET master = %(master)s, key = %(key)s WHERE stream = %(stream)s AND master = %(before)s RETURNING 1;

-- done --
-- There is nothing to be said.
SELECT 1;

-- settle --
-- There is nothing to be said: the server keeps what was overwritten for as long as it likes.
SELECT 1;
