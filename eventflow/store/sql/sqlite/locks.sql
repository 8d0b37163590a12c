-- take --
-- Take a lock that is free, or whose holder has been silent for longer than its lease. No row back means that somebody
-- has it, or that somebody with a higher token had it meanwhile.
INSERT INTO locks AS l (stream, key, token, holder, state, taken_at, beat_at, lease_seconds)
VALUES (:stream, :key, :token, :holder, 'held',
        strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now'), strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now'), :lease)
ON CONFLICT (stream) DO UPDATE
   SET token = excluded.token, holder = excluded.holder, state = excluded.state, taken_at = excluded.taken_at,
       beat_at = excluded.beat_at, lease_seconds = excluded.lease_seconds
 WHERE l.token < excluded.token
   AND (l.state = 'free' OR julianday(l.beat_at) < julianday('now') - l.lease_seconds / 86400.0)
RETURNING 1;

-- beat --
-- A sign of life of whoever still holds it under this token.
UPDATE locks SET beat_at = strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')
 WHERE stream = :stream AND token = :token AND state <> 'free'
RETURNING 1;

-- notice --
-- Its holder was found silent: told once for each token.
UPDATE locks SET state = 'stale'
 WHERE stream = :stream AND token = :token AND state = 'held'
   AND julianday(beat_at) < julianday('now') - lease_seconds / 86400.0
RETURNING 1;

-- free --
UPDATE locks SET state = 'free' WHERE stream = :stream AND token = :token AND state <> 'free' RETURNING 1;

-- stands --
-- Whether it is held under this token. There is one writer: nobody takes it over before this transaction has ended.
SELECT 1 FROM locks WHERE stream = :stream AND token = :token AND state <> 'free';

-- one --
SELECT stream, key, token, holder, state, taken_at, beat_at,
       strftime('%Y-%m-%dT%H:%M:%f000+00:00', beat_at, '+' || lease_seconds || ' seconds') AS "until [utctext]",
       julianday(beat_at) >= julianday('now') - lease_seconds / 86400.0
  FROM locks WHERE stream = :stream;

-- each --
SELECT stream, key, token, holder, state, taken_at, beat_at,
       strftime('%Y-%m-%dT%H:%M:%f000+00:00', beat_at, '+' || lease_seconds || ' seconds') AS "until [utctext]",
       julianday(beat_at) >= julianday('now') - lease_seconds / 86400.0
  FROM locks WHERE key > :after ORDER BY key LIMIT :limit;

-- held --
-- Those that are held, and those of whose holder nothing was heard.
SELECT stream, key, token, holder, state, taken_at, beat_at,
       strftime('%Y-%m-%dT%H:%M:%f000+00:00', beat_at, '+' || lease_seconds || ' seconds') AS "until [utctext]",
       julianday(beat_at) >= julianday('now') - lease_seconds / 86400.0
  FROM locks WHERE state <> 'free' AND key > :after ORDER BY key LIMIT :limit;

-- silent --
-- Held ones whose holder has been silent for longer than its lease, which nobody has told of.
SELECT stream, key, token, holder, state, taken_at, beat_at,
       strftime('%Y-%m-%dT%H:%M:%f000+00:00', beat_at, '+' || lease_seconds || ' seconds') AS "until [utctext]", 0
  FROM locks
 WHERE state <> 'free' AND state = 'held' AND julianday(beat_at) < julianday('now') - lease_seconds / 86400.0
 ORDER BY beat_at LIMIT :limit;
