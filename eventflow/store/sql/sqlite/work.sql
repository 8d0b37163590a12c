-- position --
-- How far a follower has come.
SELECT position FROM checkpoints WHERE name = :name;

-- advance --
-- Move a checkpoint that is still where its follower left it; no row back means that somebody else leads.
INSERT INTO checkpoints AS c (name, position, updated_at)
SELECT :name, :after, strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')
 WHERE :before = 0 OR EXISTS (SELECT 1 FROM checkpoints WHERE name = :name)
ON CONFLICT (name) DO UPDATE SET position = excluded.position, updated_at = excluded.updated_at
 WHERE c.position = :before
RETURNING position;

-- put --
-- What is to be done with a stream next, in place of what was to be done before.
INSERT INTO work (stream, category, status, version, phase, reaction, attempt, due, owner, position, sent_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (stream) DO UPDATE SET
  category = excluded.category, status = excluded.status, version = excluded.version, phase = excluded.phase,
  reaction = excluded.reaction, attempt = excluded.attempt, due = excluded.due, owner = excluded.owner,
  position = excluded.position, sent_at = excluded.sent_at;

-- end --
-- Nothing is left to do.
DELETE FROM work WHERE stream = ?;

-- due --
-- What waits for its time or for room, and may go now. A null due time is the beginning of all time.
SELECT stream, version, reaction, attempt, position FROM work
 WHERE sent_at IS NULL AND phase <> 'claimed' AND reaction = :reaction AND COALESCE(due, '') <= :now
 ORDER BY COALESCE(due, ''), position
 LIMIT :limit;

-- next_due --
SELECT due FROM work WHERE sent_at IS NULL AND phase <> 'claimed' ORDER BY COALESCE(due, '') LIMIT 1;

-- sent --
-- The broker has it; the version says whether it is still the same work.
UPDATE work SET sent_at = ?3 WHERE stream = ?1 AND version = ?2;

-- in_flight --
SELECT reaction, count(*) FROM work WHERE sent_at IS NOT NULL AND phase <> 'claimed' GROUP BY reaction;

-- unsend --
-- Sent long ago, never claimed, and nothing waits in the queue: it was lost.
UPDATE work SET sent_at = NULL
 WHERE sent_at < :before AND phase <> 'claimed' AND reaction = :reaction
RETURNING stream;

-- unsend_all --
UPDATE work SET sent_at = NULL WHERE sent_at IS NOT NULL AND phase <> 'claimed' RETURNING stream;

-- outstanding --
SELECT 1 FROM work WHERE phase = 'claimed' OR COALESCE(due, '') <= :now LIMIT 1;

-- orphans --
-- Claims of workers that signed off or let their lease run out.
SELECT w.stream, w.version, w.reaction, w.attempt, w.position, w.owner
  FROM work w LEFT JOIN workers k ON k.id = w.owner
 WHERE w.phase = 'claimed'
   AND (k.id IS NULL OR julianday(k.beat_at) < julianday('now') - k.lease_seconds / 86400.0)
 ORDER BY w.position
 LIMIT :limit;

-- foreign --
-- Claims of anybody else.
SELECT stream, version, reaction, attempt, position, owner FROM work
 WHERE phase = 'claimed' AND owner IS NOT :owner
 ORDER BY position
 LIMIT :limit;
