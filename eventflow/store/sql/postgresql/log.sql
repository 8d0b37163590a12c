-- append --
-- One statement, no table lock. The fence is a shared lock whose key is the sequence's last value, read before
-- the lock is taken; positions are drawn after it. Readers pass no position above the lowest key held
-- (horizon), writers never wait for each other. Nothing is returned when an expected version does not exist, or is
-- an erasure: upon that nothing is built.
-- Rows go in sorted by stream so that two batches wait for each other in one order only.
WITH incoming AS MATERIALIZED (
    SELECT * FROM unnest($1::event_row[]) WITH ORDINALITY AS u (
        stream, version, recorded_at, schema, append, size, digest, hash, category, name, status, previous, phase,
        kind, reaction, attempt, owner, due, error, correlation, causation, actor, tenant, flow, codec, state,
        expected, number)
), fence AS MATERIALIZED (
    SELECT pg_advisory_xact_lock_shared(
               'events_position_seq'::regclass::oid::int,
               (coalesce(pg_sequence_last_value('events_position_seq'::regclass), 0) & 2147483647)::int)
     WHERE NOT EXISTS (
               SELECT FROM incoming AS i
                WHERE i.expected IS NOT NULL
                  AND NOT EXISTS (SELECT FROM events AS e
                                   WHERE e.stream = i.stream AND e.version = i.expected
                                     AND e.phase IS DISTINCT FROM 'erased'))
), placed AS MATERIALIZED (
    SELECT nextval('events_position_seq'::regclass) AS position, incoming.* FROM fence, incoming
), headers AS (
    INSERT INTO events ({columns}) SELECT {columns} FROM placed ORDER BY stream, version
), states AS (
    INSERT INTO bodies (position, state) SELECT position, state FROM placed
)
SELECT position FROM placed ORDER BY number;

-- row_type --
-- What the array of rows is called in binary.
SELECT 'event_row'::regtype::oid::bigint;

-- read --
-- The events of a stream in order.
SELECT {columns}, coalesce(state, '') FROM events LEFT JOIN bodies USING (position)
 WHERE stream = $1::uuid AND version > $2::bigint AND version <= $3::bigint ORDER BY version;

-- read_each --
-- The events of several streams, each in order.
SELECT {columns}, coalesce(state, '') FROM events LEFT JOIN bodies USING (position)
 WHERE stream = ANY($1::uuid[]) ORDER BY stream, version;

-- headers --
-- The headers of a stream in order.
SELECT {columns} FROM events WHERE stream = %(stream)s AND version > %(after)s ORDER BY version;

-- head --
-- The last header of a stream.
SELECT {columns} FROM events WHERE stream = %(stream)s ORDER BY version DESC LIMIT 1;

-- heads --
-- The last header of each of several streams.
SELECT head.* FROM unnest(%(streams)s::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (SELECT {columns} FROM events WHERE stream = wanted.id ORDER BY version DESC LIMIT 1) AS head;

-- at --
-- One event by its position.
SELECT {columns}, coalesce(state, '') FROM events LEFT JOIN bodies USING (position) WHERE position = %(position)s;

-- at_each --
-- The events at several positions.
SELECT {columns}, coalesce(state, '') FROM events LEFT JOIN bodies USING (position)
 WHERE position = ANY(%(positions)s::bigint[]) ORDER BY position;

-- tail --
-- Headers in the order of the log, up to the horizon of this moment.
SELECT {columns} FROM tail(%(after)s, %(limit)s::int);

-- tail_upto --
-- Headers in the order of the log, up to a horizon asked for before.
SELECT {columns} FROM events WHERE position > %(after)s AND position <= %(horizon)s ORDER BY position LIMIT %(limit)s;

-- tail_bodies --
-- Events in the order of the log, up to a horizon asked for before.
SELECT {columns}, coalesce(state, '') FROM events LEFT JOIN bodies USING (position)
 WHERE position > %(after)s AND position <= %(horizon)s ORDER BY position LIMIT %(limit)s;

-- horizon --
-- The position up to which nothing can appear any more.
SELECT horizon();

-- last_position --
-- The highest position there is.
SELECT coalesce(max(position), 0) FROM events;

-- versions --
-- What one append wrote into a stream.
SELECT version, position FROM events WHERE stream = %(stream)s AND append = %(append)s;

-- select --
-- Events as the library sees them.
SELECT version, name, coalesce(state, '') FROM events LEFT JOIN bodies USING (position)
 WHERE stream = %(stream)s AND version > %(gt)s AND version <= %(lte)s ORDER BY version LIMIT %(limit)s;

-- select_backwards --
-- The same from the end.
SELECT version, name, coalesce(state, '') FROM events LEFT JOIN bodies USING (position)
 WHERE stream = %(stream)s AND version > %(gt)s AND version <= %(lte)s ORDER BY version DESC LIMIT %(limit)s;

-- notifications --
-- The log as the library sees it.
SELECT position, stream, version, name, coalesce(state, '') FROM events LEFT JOIN bodies USING (position)
 WHERE position >= %(start)s AND position <= %(stop)s
   AND (%(names)s::text[] = '{}' OR name = ANY (%(names)s::text[]))
 ORDER BY position LIMIT %(limit)s;

-- track --
-- Move a tracking record forward; nothing is returned when it stood there or further.
INSERT INTO tracking AS t (application_name, notification_id) VALUES (%(name)s, %(id)s)
    ON CONFLICT (application_name) DO UPDATE SET notification_id = excluded.notification_id
 WHERE t.notification_id < excluded.notification_id
RETURNING notification_id;

-- tracked --
-- How far an application was tracked.
SELECT notification_id FROM tracking WHERE application_name = %(name)s;

-- put_snapshot --
-- Keep the newest snapshot of a stream, unless it was erased.
INSERT INTO snapshots AS s (stream, version, category, state)
SELECT %(stream)s, %(version)s, %(category)s, %(state)s
 WHERE NOT EXISTS (SELECT FROM stream_keys WHERE stream = %(stream)s AND erased_at IS NOT NULL)
    ON CONFLICT (stream) DO UPDATE
   SET version = excluded.version, category = excluded.category, state = excluded.state
 WHERE s.version <= excluded.version;

-- get_snapshot --
-- The snapshot of a stream.
SELECT version, state FROM snapshots WHERE stream = %(stream)s;
