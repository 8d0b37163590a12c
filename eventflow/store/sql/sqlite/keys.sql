-- claim --
-- Take a key that is free or no longer counts; no row back means that somebody has it. There is one writer,
-- so that nobody comes at the same moment.
INSERT INTO keys AS k (key, scope, stream, version, expires_at)
VALUES (:key, :scope, :stream, :version, :expires_at)
ON CONFLICT (key) DO UPDATE
   SET stream = excluded.stream, version = excluded.version, expires_at = excluded.expires_at
 WHERE k.expires_at <= :now
RETURNING 1;

-- taken --
-- The last event of what was said under a key.
SELECT {columns} FROM keys JOIN events USING (stream, version) WHERE key = :key AND expires_at > :now;

-- prune --
-- Forget keys that no longer count, some at a time. The time is asked twice: one of them may just be taken again.
DELETE FROM keys
 WHERE expires_at <= :now
   AND key IN (SELECT key FROM keys WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit)
RETURNING 1;
