-- position --
-- How far a follower has come.
SELECT position FROM checkpoints WHERE name = %(name)s;

-- advance --
-- Move a checkpoint that is still where its follower left it; no row back means that somebody else leads.
INSERT INTO checkpoints AS c (name, position, updated_at)
SELECT %(name)s, %(after)s, clock_timestamp() WHERE %(before)s = 0 OR EXISTS (SELECT FROM checkpoints WHERE name = %(name)s)
ON CONFLICT (name) DO UPDATE SET position = excluded.position, updated_at = excluded.updated_at
 WHERE c.position = %(before)s
RETURNING position;

-- put --
-- What is to be done with a stream next, in place of what was to be done before.
INSERT INTO work AS w (stream, category, status, version, phase, reaction, attempt, due, owner, position, sent_at)
SELECT * FROM unnest(
         %s::uuid[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::int[], %s::timestamptz[],
         %s::uuid[], %s::bigint[], %s::timestamptz[])
ON CONFLICT (stream) DO UPDATE SET
  category = excluded.category, status = excluded.status, version = excluded.version, phase = excluded.phase,
  reaction = excluded.reaction, attempt = excluded.attempt, due = excluded.due, owner = excluded.owner,
  position = excluded.position, sent_at = excluded.sent_at, held = NULL;

-- end --
-- Nothing is left to do.
DELETE FROM work WHERE stream = ANY(%s::uuid[]);

-- due --
-- What waits for its time or for room, and may go now. A null due time is the beginning of all time.
SELECT stream, version, reaction, attempt, position, turn FROM work
 WHERE sent_at IS NULL AND phase <> 'claimed' AND reaction = %(reaction)s AND COALESCE(due, '-infinity') <= %(now)s
 ORDER BY COALESCE(due, '-infinity'), position
 LIMIT %(limit)s;

-- next_due --
SELECT due FROM work WHERE sent_at IS NULL AND phase <> 'claimed' ORDER BY COALESCE(due, '-infinity') LIMIT 1;

-- next_due_of --
SELECT due FROM work WHERE sent_at IS NULL AND phase <> 'claimed' AND reaction = %(reaction)s ORDER BY COALESCE(due, '-infinity') LIMIT 1;

-- postpone --
-- Shall not be claimed before its time, and why; no row back means that the work has moved on, or is not here yet.
UPDATE work SET due = %(due)s, sent_at = NULL, held = %(held)s, turn = turn + 1
 WHERE stream = %(stream)s AND version = %(version)s AND phase <> 'claimed'
RETURNING 1;

-- held --
SELECT due, held FROM work WHERE stream = %(stream)s AND held IS NOT NULL AND phase <> 'claimed';

-- wake --
-- The one that has waited longest for something may come again.
UPDATE work SET due = %(now)s, sent_at = NULL, held = NULL, turn = turn + 1
 WHERE stream = (SELECT stream FROM work WHERE held = %(held)s AND phase <> 'claimed' ORDER BY position LIMIT 1)
RETURNING 1;

-- wake_all --
-- What all of these have waited for has come.
UPDATE work SET due = %(now)s, sent_at = NULL, held = NULL, turn = turn + 1
 WHERE held = %(held)s AND phase <> 'claimed'
RETURNING 1;

-- release --
UPDATE work SET sent_at = NULL, turn = turn + 1
 WHERE stream = %(stream)s AND version = %(version)s AND phase <> 'claimed';

-- backlog --
-- Each row is in one of these; what is sent counts as sent, whatever its time was.
SELECT reaction,
       count(CASE WHEN phase <> 'claimed' AND sent_at IS NULL AND COALESCE(due, '-infinity') <= %(now)s THEN 1 END),
       count(CASE WHEN phase <> 'claimed' AND sent_at IS NOT NULL THEN 1 END),
       count(CASE WHEN phase = 'claimed' THEN 1 END),
       count(CASE WHEN phase <> 'claimed' AND sent_at IS NULL AND COALESCE(due, '-infinity') > %(now)s THEN 1 END),
       min(CASE WHEN phase <> 'claimed' AND sent_at IS NULL AND COALESCE(due, '-infinity') > %(now)s THEN due END) AS next_due
  FROM work GROUP BY reaction ORDER BY reaction;

-- sent --
-- The broker has it, if it is still the same work: what a worker has put off meanwhile, as fast as it was sent, has had
-- another turn.
UPDATE work w SET sent_at = s.at, held = NULL
  FROM unnest(%s::uuid[], %s::bigint[], %s::int[], %s::timestamptz[]) AS s (stream, version, turn, at)
 WHERE w.stream = s.stream AND w.version = s.version AND w.turn = s.turn;

-- in_flight --
SELECT reaction, count(*) FROM work WHERE sent_at IS NOT NULL AND phase <> 'claimed' GROUP BY reaction;

-- unsend --
-- Sent long ago, never claimed, and nothing waits in the queue: it was lost.
UPDATE work SET sent_at = NULL
 WHERE sent_at < %(before)s AND phase <> 'claimed' AND reaction = %(reaction)s
RETURNING stream;

-- unsend_all --
UPDATE work SET sent_at = NULL WHERE sent_at IS NOT NULL AND phase <> 'claimed' RETURNING stream;

-- outstanding --
-- What waits for a place is due; it goes on as soon as one of those that have one is done.
SELECT 1 FROM work WHERE phase = 'claimed' OR COALESCE(due, '-infinity') <= %(now)s OR substr(held, 1, 6) = 'place ' LIMIT 1;

-- orphans --
-- Claims of workers that signed off or let their lease run out, by the database's clock, which is the same for all.
SELECT w.stream, w.version, w.reaction, w.attempt, w.position, w.owner
  FROM work w LEFT JOIN workers k ON k.id = w.owner
 WHERE w.phase = 'claimed'
   AND (k.id IS NULL OR k.beat_at < clock_timestamp() - make_interval(secs => k.lease_seconds))
 ORDER BY w.position
 LIMIT %(limit)s;

-- foreign --
-- Claims of anybody else.
SELECT stream, version, reaction, attempt, position, owner FROM work
 WHERE phase = 'claimed' AND owner IS DISTINCT FROM %(owner)s
 ORDER BY position
 LIMIT %(limit)s;
