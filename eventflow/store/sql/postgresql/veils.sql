-- bodies --
-- Bodies of these categories that stand here in plain, in the order of the log. What says of a stream that it was
-- erased is no secret.
SELECT e.position, e.stream, e.version, e.category, e.recorded_at, e.size
  FROM bodies AS b JOIN events AS e USING (position)
 WHERE b.position > %(after)s AND b.position <= %(upto)s
   AND e.category = ANY(%(categories)s::text[]) AND e.codec NOT LIKE '%%k' AND e.phase IS DISTINCT FROM 'erased'
   AND (%(stream)s::uuid IS NULL OR e.stream = %(stream)s::uuid)
   AND substr(b.state, 1, 8) <> %(mark)s
 ORDER BY b.position LIMIT %(limit)s;

-- veil_bodies --
-- Those that are still here are kept enciphered from now on.
UPDATE bodies SET state = v.state FROM unnest(%s::bigint[], %s::bytea[]) AS v (position, state)
 WHERE bodies.position = v.position;

-- copies --
-- The same of restored copies, the first byte of which says how they are kept.
SELECT e.position, e.stream, e.version, e.category, e.recorded_at, length(b.state)
  FROM restored AS b JOIN events AS e USING (position)
 WHERE b.position > %(after)s AND b.position <= %(upto)s
   AND e.category = ANY(%(categories)s::text[]) AND e.codec NOT LIKE '%%k' AND e.phase IS DISTINCT FROM 'erased'
   AND (%(stream)s::uuid IS NULL OR e.stream = %(stream)s::uuid)
   AND substr(b.state, 2, 8) <> %(mark)s
 ORDER BY b.position LIMIT %(limit)s;

-- read_copies --
SELECT {columns}, state FROM events JOIN restored USING (position) WHERE position = ANY(%(positions)s::bigint[]) ORDER BY stream, version;

-- veil_copies --
UPDATE restored SET state = v.state FROM unnest(%s::bigint[], %s::bytea[]) AS v (position, state)
 WHERE restored.position = v.position;

-- snapshots --
-- Snapshots of these categories, some at a time.
SELECT stream, version, category, state FROM snapshots
 WHERE stream > %(after)s::uuid AND category = ANY(%(categories)s::text[]) AND (%(stream)s::uuid IS NULL OR stream = %(stream)s::uuid)
 ORDER BY stream LIMIT %(limit)s;

-- veil_snapshot --
-- One that is newer by now was enciphered when it was kept.
UPDATE snapshots SET state = %(state)s WHERE stream = %(stream)s AND version = %(version)s RETURNING 1;
