-- bodies --
-- Bodies of these categories that stand here in plain, in the order of the log. What says of a stream that it was
-- erased is no secret.
SELECT e.position, e.stream, e.version, e.category, e.recorded_at, e.size
  FROM bodies AS b JOIN events AS e USING (position)
 WHERE b.position > :after AND b.position <= :upto
   AND e.category IN (SELECT value FROM json_each(:categories)) AND e.codec NOT LIKE '%k' AND e.phase IS NOT 'erased'
   AND (:stream IS NULL OR e.stream = :stream)
   AND substr(b.state, 1, 8) <> :mark
 ORDER BY b.position LIMIT :limit;

-- veil_bodies --
-- Those that are still here are kept enciphered from now on.
UPDATE bodies SET state = ?2 WHERE position = ?1;

-- copies --
-- The same of restored copies, the first byte of which says how they are kept.
SELECT e.position, e.stream, e.version, e.category, e.recorded_at, length(b.state)
  FROM restored AS b JOIN events AS e USING (position)
 WHERE b.position > :after AND b.position <= :upto
   AND e.category IN (SELECT value FROM json_each(:categories)) AND e.codec NOT LIKE '%k' AND e.phase IS NOT 'erased'
   AND (:stream IS NULL OR e.stream = :stream)
   AND substr(b.state, 2, 8) <> :mark
 ORDER BY b.position LIMIT :limit;

-- read_copies --
SELECT {columns}, state FROM events JOIN restored USING (position) WHERE position IN (SELECT value FROM json_each(:positions)) ORDER BY stream, version;

-- veil_copies --
UPDATE restored SET state = ?2 WHERE position = ?1;

-- snapshots --
-- Snapshots of these categories, some at a time.
SELECT stream, version, category, state FROM snapshots
 WHERE stream > :after AND category IN (SELECT value FROM json_each(:categories)) AND (:stream IS NULL OR stream = :stream)
 ORDER BY stream LIMIT :limit;

-- veil_snapshot --
-- One that is newer by now was enciphered when it was kept.
UPDATE snapshots SET state = :state WHERE stream = :stream AND version = :version RETURNING 1;
