-- newest --
-- By the position of the first event, which never changes: a row that moves between two pages is still met once.
SELECT stream, process, definition, channel, status, version, position, created_position, created_at, updated_at,
       steps, done, step, attempts, subject, key, parent, deadline, phase, due, started_at, ended_at, error, message,
       started_by, actor, tenant
  FROM runs
 WHERE {where} AND created_position < :after
 ORDER BY created_position DESC
 LIMIT :limit

-- one --
SELECT stream, process, definition, channel, status, version, position, created_position, created_at, updated_at,
       steps, done, step, attempts, subject, key, parent, deadline, phase, due, started_at, ended_at, error, message,
       started_by, actor, tenant
  FROM runs
 WHERE stream = :stream

-- ids --
-- Oldest first: what has waited longest is served first.
SELECT created_position, stream
  FROM runs
 WHERE {where} AND created_position > :after
 ORDER BY created_position
 LIMIT :limit

-- stretch --
-- The same between two places, with all that is known of each.
SELECT stream, process, definition, channel, status, version, position, created_position, created_at, updated_at,
       steps, done, step, attempts, subject, key, parent, deadline, phase, due, started_at, ended_at, error, message,
       started_by, actor, tenant
  FROM runs
 WHERE {where} AND created_position > :after AND created_position <= :upto
 ORDER BY created_position
 LIMIT :limit

-- count --
-- Counting stops at the limit, so that the price does too.
SELECT count(*) FROM (SELECT 1 FROM runs WHERE {where} LIMIT :limit) AS counted

-- fatal --
-- What has stopped for good in a channel and waits for a person.
SELECT stream, process, definition, channel, status, version, position, created_position, created_at, updated_at,
       steps, done, step, attempts, subject, key, parent, deadline, phase, due, started_at, ended_at, error, message,
       started_by, actor, tenant
  FROM runs
 WHERE channel = :channel AND status IN ('error', 'exception')
 ORDER BY created_position
 LIMIT :limit

-- counts --
SELECT process, channel, status, amount
  FROM run_counts
 WHERE amount <> 0
 ORDER BY process, channel, status
 LIMIT :limit

-- days --
SELECT process, channel, day, begun, attempts
  FROM run_days
 WHERE day >= :since
 ORDER BY day DESC, process, channel
 LIMIT :limit

-- totals --
-- A row for each day, whatever the number of processes and channels.
SELECT day, sum(begun), max(attempts)
  FROM run_days
 WHERE day >= :since
 GROUP BY day
 ORDER BY day DESC
 LIMIT :limit
