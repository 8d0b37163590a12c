-- of --
-- The copies of a run of versions that are here.
SELECT e.version, r.state FROM events AS e JOIN restored AS r USING (position)
 WHERE e.stream = :stream AND e.version BETWEEN :first AND :last;

-- until --
-- Until when the copies of a run of versions are here.
SELECT e.version, r.until FROM events AS e JOIN restored AS r USING (position)
 WHERE e.stream = :stream AND e.version BETWEEN :first AND :last;

-- put --
-- Copies, or a longer time for those that are here.
INSERT INTO restored (position, state, until) VALUES (?, ?, ?)
    ON CONFLICT (position) DO UPDATE SET until = max(restored.until, excluded.until);

-- drop --
-- Copies that were chosen, some at a time: only what a segment holds.
DELETE FROM restored
 WHERE position IN (
       SELECT r.position
         FROM restored AS r JOIN events AS e USING (position)
        WHERE r.until <= coalesce(:now, '9999')
          AND r.position BETWEEN :lo AND :hi
          AND (:stream IS NULL OR e.stream = :stream)
          AND (:category IS NULL OR e.category = :category)
          AND EXISTS (SELECT 1 FROM archive_members AS m
                       WHERE m.stream = e.stream AND m.first_version <= e.version AND m.last_version >= e.version)
        ORDER BY r.until, r.position LIMIT :limit)
RETURNING length(state);

-- count --
-- What would be dropped.
SELECT count(*), coalesce(sum(length(r.state)), 0)
  FROM restored AS r JOIN events AS e USING (position)
 WHERE r.until <= coalesce(:now, '9999')
   AND r.position BETWEEN :lo AND :hi
   AND (:stream IS NULL OR e.stream = :stream)
   AND (:category IS NULL OR e.category = :category);
