-- take --
-- Take a lock that is free, or whose holder has been silent for longer than its lease. No row back means that somebody
-- has it, or that somebody with a higher token had it meanwhile.
INSERT INTO locks AS l (stream, key, token, holder, state, taken_at, beat_at, lease_seconds)
VALUES (%(stream)s, %(key)s, %(token)s, %(holder)s, 'held', clock_timestamp(), clock_timestamp(), %(lease)s)
ON CONFLICT (stream) DO UPDATE
   SET token = excluded.token, holder = excluded.holder, state = excluded.state, taken_at = excluded.taken_at,
       beat_at = excluded.beat_at, lease_seconds = excluded.lease_seconds
 WHERE l.token < excluded.token
   AND (l.state = 'free' OR l.beat_at < clock_timestamp() - make_interval(secs => l.lease_seconds))
RETURNING 1;

-- beat --
-- A sign of life of whoever still holds it under this token.
UPDATE locks SET beat_at = clock_timestamp() WHERE stream = %(stream)s AND token = %(token)s AND state <> 'free'
RETURNING 1;

-- notice --
-- Its holder was found silent: told once for each token.
UPDATE locks SET state = 'stale'
 WHERE stream = %(stream)s AND token = %(token)s AND state = 'held'
   AND beat_at < clock_timestamp() - make_interval(secs => lease_seconds)
RETURNING 1;

-- free --
UPDATE locks SET state = 'free' WHERE stream = %(stream)s AND token = %(token)s AND state <> 'free' RETURNING 1;

-- stands --
-- Whether it is held under this token; nobody takes it over before this transaction has ended.
SELECT 1 FROM locks WHERE stream = %(stream)s AND token = %(token)s AND state <> 'free' FOR SHARE;

-- one --
SELECT stream, key, token, holder, state, taken_at, beat_at, beat_at + make_interval(secs => lease_seconds),
       beat_at >= clock_timestamp() - make_interval(secs => lease_seconds)
  FROM locks WHERE stream = %(stream)s;

-- each --
SELECT stream, key, token, holder, state, taken_at, beat_at, beat_at + make_interval(secs => lease_seconds),
       beat_at >= clock_timestamp() - make_interval(secs => lease_seconds)
  FROM locks WHERE key > %(after)s ORDER BY key LIMIT %(limit)s;

-- held --
-- Those that are held, and those of whose holder nothing was heard.
SELECT stream, key, token, holder, state, taken_at, beat_at, beat_at + make_interval(secs => lease_seconds),
       beat_at >= clock_timestamp() - make_interval(secs => lease_seconds)
  FROM locks WHERE state <> 'free' AND key > %(after)s ORDER BY key LIMIT %(limit)s;

-- silent --
-- Held ones whose holder has been silent for longer than its lease, which nobody has told of.
SELECT stream, key, token, holder, state, taken_at, beat_at, beat_at + make_interval(secs => lease_seconds), false
  FROM locks
 WHERE state <> 'free' AND state = 'held' AND beat_at < clock_timestamp() - make_interval(secs => lease_seconds)
 ORDER BY beat_at LIMIT %(limit)s;
