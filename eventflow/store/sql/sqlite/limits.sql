-- lock --
-- There is one writer: nobody else looks at this moment.
SELECT 1 WHERE :name IS NOT NULL;

-- take --
-- A place, if one is free. Who has one already under another worker that lives is not given it twice.
INSERT INTO places AS p (name, stream, owner)
SELECT :name, :stream, :owner
 WHERE (SELECT count(*) FROM places o WHERE o.name = :name AND o.stream <> :stream
           AND EXISTS (SELECT 1 FROM workers k WHERE k.id = o.owner AND julianday(k.beat_at) >= julianday('now') - k.lease_seconds / 86400.0)) < :most
ON CONFLICT (name, stream) DO UPDATE SET owner = excluded.owner, taken_at = strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')
 WHERE NOT EXISTS (SELECT 1 FROM workers k WHERE k.id = p.owner AND julianday(k.beat_at) >= julianday('now') - k.lease_seconds / 86400.0)
RETURNING 1;

-- leave --
DELETE FROM places WHERE name = :name AND stream = :stream AND owner = :owner RETURNING 1;

-- abandoned --
-- Places of workers that are gone.
DELETE FROM places WHERE NOT EXISTS (SELECT 1 FROM workers k WHERE k.id = places.owner AND julianday(k.beat_at) >= julianday('now') - k.lease_seconds / 86400.0) RETURNING name;

-- places --
SELECT name, stream, owner FROM places ORDER BY name, taken_at;

-- circuits --
SELECT host, failures, open_until FROM circuits;

-- fail --
-- One more failure in a row; too many, or one while it is open already, and the host is left alone.
INSERT INTO circuits AS c (host, failures, failed_at, open_until)
VALUES (:host, 1, :now, CASE WHEN :most <= 1 THEN :until END)
ON CONFLICT (host) DO UPDATE SET
  failures = CASE WHEN c.failed_at < :since AND c.open_until IS NULL THEN 1 ELSE c.failures + 1 END,
  failed_at = excluded.failed_at,
  open_until = CASE
    WHEN c.open_until IS NOT NULL THEN max(c.open_until, :until)
    WHEN :most <= CASE WHEN c.failed_at < :since THEN 1 ELSE c.failures + 1 END THEN :until
  END;

-- open --
-- The host asked to be left alone until then.
INSERT INTO circuits AS c (host, failures, failed_at, open_until)
VALUES (:host, 1, :now, :until)
ON CONFLICT (host) DO UPDATE SET
  failures = c.failures + 1, failed_at = excluded.failed_at,
  open_until = max(COALESCE(c.open_until, excluded.open_until), excluded.open_until);

-- probe --
-- Of all that want to see whether it is well again, one gets a row back; the others wait for what it finds out.
UPDATE circuits SET open_until = :until WHERE host = :host AND open_until <= :now RETURNING 1;

-- close --
DELETE FROM circuits WHERE host = :host;

-- add --
INSERT INTO tallies AS t (key, value, expires_at)
VALUES (:key, :value, strftime('%Y-%m-%dT%H:%M:%f000+00:00', julianday('now') + :ttl / 86400.0))
ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at
 WHERE t.expires_at <= strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')
RETURNING 1;

-- increase --
-- One more, unless that is too many.
INSERT INTO tallies AS t (key, value, expires_at)
VALUES (:key, :value, strftime('%Y-%m-%dT%H:%M:%f000+00:00', julianday('now') + :ttl / 86400.0))
ON CONFLICT (key) DO UPDATE SET
  value = CASE WHEN t.expires_at <= strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now') THEN excluded.value ELSE t.value + excluded.value END,
  expires_at = excluded.expires_at
 WHERE t.expires_at <= strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now') OR t.value + excluded.value <= :most
RETURNING 1;

-- prune --
DELETE FROM tallies WHERE expires_at <= strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now') RETURNING 1;
