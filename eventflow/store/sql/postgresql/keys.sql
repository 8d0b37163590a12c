-- claim --
-- Take a key that is free or no longer counts; no row back means that somebody has it. Who comes at the same moment
-- waits here until the first has committed or gone back.
INSERT INTO keys AS k (key, scope, stream, version, expires_at)
VALUES (%(key)s, %(scope)s, %(stream)s, %(version)s, %(expires_at)s)
ON CONFLICT (key) DO UPDATE
   SET stream = excluded.stream, version = excluded.version, expires_at = excluded.expires_at
 WHERE k.expires_at <= %(now)s
RETURNING 1;

-- taken --
-- The last event of what was said under a key.
SELECT {columns} FROM keys JOIN events USING (stream, version) WHERE key = %(key)s AND expires_at > %(now)s;

-- prune --
-- Forget keys that no longer count, some at a time. The time is asked twice: one of them may just be taken again.
DELETE FROM keys
 WHERE expires_at <= %(now)s
   AND key IN (SELECT key FROM keys WHERE expires_at <= %(now)s ORDER BY expires_at LIMIT %(limit)s)
RETURNING 1;
