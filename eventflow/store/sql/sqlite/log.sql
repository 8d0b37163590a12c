-- last_number --
-- The last position handed out: one writer at a time, so the next ones can be counted from here.
SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'events';

-- expected --
-- Whether the version an append builds upon exists; upon an erasure nothing is built.
SELECT 1 FROM events WHERE stream = :stream AND version = :version AND phase IS NOT 'erased';

-- insert_event --
-- A header at the position counted for it.
INSERT INTO events ({columns}) VALUES ({marks});

-- insert_body --
-- A body at the position of its header.
INSERT INTO bodies (position, state) VALUES (?, ?);

-- read --
-- The events of a stream in order.
SELECT {columns}, coalesce(state, x'') FROM events LEFT JOIN bodies USING (position)
 WHERE stream = :stream AND version > :after AND version <= :upto ORDER BY version;

-- headers --
-- The headers of a stream in order.
SELECT {columns} FROM events WHERE stream = :stream AND version > :after ORDER BY version;

-- head --
-- The last header of a stream.
SELECT {columns} FROM events WHERE stream = :stream ORDER BY version DESC LIMIT 1;

-- at --
-- One event by its position.
SELECT {columns}, coalesce(state, x'') FROM events LEFT JOIN bodies USING (position) WHERE position = :position;

-- tail_upto --
-- Headers in the order of the log. Positions appear in the order of their commits: there is one writer.
SELECT {columns} FROM events WHERE position > :after AND position <= :horizon ORDER BY position LIMIT :limit;

-- tail_bodies --
-- Events in the order of the log.
SELECT {columns}, coalesce(state, x'') FROM events LEFT JOIN bodies USING (position)
 WHERE position > :after AND position <= :horizon ORDER BY position LIMIT :limit;

-- last_position --
-- The highest position there is.
SELECT coalesce(max(position), 0) FROM events;

-- versions --
-- What one append wrote into a stream.
SELECT version, position FROM events WHERE stream = :stream AND append = :append;

-- select --
-- Events as the library sees them.
SELECT version, name, coalesce(state, x'') FROM events LEFT JOIN bodies USING (position)
 WHERE stream = :stream AND version > :gt AND version <= :lte ORDER BY version LIMIT :limit;

-- select_backwards --
-- The same from the end.
SELECT version, name, coalesce(state, x'') FROM events LEFT JOIN bodies USING (position)
 WHERE stream = :stream AND version > :gt AND version <= :lte ORDER BY version DESC LIMIT :limit;

-- notifications --
-- The log as the library sees it.
SELECT position, stream, version, name, coalesce(state, x'') FROM events LEFT JOIN bodies USING (position)
 WHERE position >= :start AND position <= :stop
   AND (:names = '[]' OR name IN (SELECT value FROM json_each(:names)))
 ORDER BY position LIMIT :limit;

-- track --
-- Move a tracking record forward; nothing is returned when it stood there or further.
INSERT INTO tracking (application_name, notification_id) VALUES (:name, :id)
    ON CONFLICT (application_name) DO UPDATE SET notification_id = excluded.notification_id
 WHERE tracking.notification_id < excluded.notification_id
RETURNING notification_id;

-- tracked --
-- How far an application was tracked.
SELECT notification_id FROM tracking WHERE application_name = :name;

-- put_snapshot --
-- Keep the newest snapshot of a stream, unless it was erased.
INSERT INTO snapshots (stream, version, category, state)
SELECT :stream, :version, :category, :state
 WHERE NOT EXISTS (SELECT 1 FROM stream_keys WHERE stream = :stream AND erased_at IS NOT NULL)
    ON CONFLICT (stream) DO UPDATE
   SET version = excluded.version, category = excluded.category, state = excluded.state
 WHERE snapshots.version <= excluded.version;

-- get_snapshot --
-- The snapshot of a stream.
SELECT version, state FROM snapshots WHERE stream = :stream;
