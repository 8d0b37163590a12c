-- lock --
-- Of those who come for the same places one looks at a time; its next statement sees what the one before did.
SELECT 1 FROM (SELECT pg_advisory_xact_lock('places'::regclass::oid::int, hashtext(%(name)s))) AS locked;

-- take --
-- A place, if one is free. Who has one already under another worker that lives is not given it twice.
INSERT INTO places AS p (name, stream, owner)
SELECT %(name)s, %(stream)s, %(owner)s
 WHERE (SELECT count(*) FROM places o WHERE o.name = %(name)s AND o.stream <> %(stream)s
           AND EXISTS (SELECT 1 FROM workers k WHERE k.id = o.owner AND k.beat_at >= clock_timestamp() - make_interval(secs => k.lease_seconds))) < %(most)s
ON CONFLICT (name, stream) DO UPDATE SET owner = excluded.owner, taken_at = clock_timestamp()
 WHERE NOT EXISTS (SELECT 1 FROM workers k WHERE k.id = p.owner AND k.beat_at >= clock_timestamp() - make_interval(secs => k.lease_seconds))
RETURNING 1;

-- leave --
DELETE FROM places WHERE name = %(name)s AND stream = %(stream)s AND owner = %(owner)s RETURNING 1;

-- abandoned --
-- Places of workers that are gone.
DELETE FROM places WHERE NOT EXISTS (SELECT 1 FROM workers k WHERE k.id = places.owner AND k.beat_at >= clock_timestamp() - make_interval(secs => k.lease_seconds)) RETURNING name;

-- places --
SELECT name, stream, owner FROM places ORDER BY name, taken_at;

-- circuits --
SELECT host, failures, open_until FROM circuits;

-- fail --
-- One more failure in a row; too many, or one while it is open already, and the host is left alone.
INSERT INTO circuits AS c (host, failures, failed_at, open_until)
VALUES (%(host)s, 1, %(now)s, CASE WHEN %(most)s <= 1 THEN %(until)s::timestamptz END)
ON CONFLICT (host) DO UPDATE SET
  failures = CASE WHEN c.failed_at < %(since)s AND c.open_until IS NULL THEN 1 ELSE c.failures + 1 END,
  failed_at = excluded.failed_at,
  open_until = CASE
    WHEN c.open_until IS NOT NULL THEN greatest(c.open_until, %(until)s::timestamptz)
    WHEN %(most)s <= CASE WHEN c.failed_at < %(since)s THEN 1 ELSE c.failures + 1 END THEN %(until)s::timestamptz
  END;

-- open --
-- The host asked to be left alone until then.
INSERT INTO circuits AS c (host, failures, failed_at, open_until)
VALUES (%(host)s, 1, %(now)s, %(until)s)
ON CONFLICT (host) DO UPDATE SET
  failures = c.failures + 1, failed_at = excluded.failed_at,
  open_until = greatest(COALESCE(c.open_until, excluded.open_until), excluded.open_until);

-- probe --
-- Of all that want to see whether it is well again, one gets a row back; the others wait for what it finds out.
UPDATE circuits SET open_until = %(until)s WHERE host = %(host)s AND open_until <= %(now)s RETURNING 1;

-- close --
DELETE FROM circuits WHERE host = %(host)s;

-- add --
INSERT INTO tallies AS t (key, value, expires_at)
VALUES (%(key)s, %(value)s, clock_timestamp() + make_interval(secs => %(ttl)s))
ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at
 WHERE t.expires_at <= clock_timestamp()
RETURNING 1;

-- increase --
-- One more, unless that is too many.
INSERT INTO tallies AS t (key, value, expires_at)
VALUES (%(key)s, %(value)s, clock_timestamp() + make_interval(secs => %(ttl)s))
ON CONFLICT (key) DO UPDATE SET
  value = CASE WHEN t.expires_at <= clock_timestamp() THEN excluded.value ELSE t.value + excluded.value END,
  expires_at = excluded.expires_at
 WHERE t.expires_at <= clock_timestamp() OR t.value + excluded.value <= %(most)s
RETURNING 1;

-- prune --
DELETE FROM tallies WHERE expires_at <= clock_timestamp() RETURNING 1;
