-- newest --
-- By the position of the first event, which never changes: a row that moves between two pages is still met once.
SELECT stream, process, definition, channel, status, version, position, created_position, created_at, updated_at,
       steps, done, step, attempts, subject, key, parent, deadline, phase, due, started_at, ended_at, error, message,
       started_by, actor, tenant
  FROM runs
 WHERE {where} AND created_position < %(after)s
 ORDER BY created_position DESC
 LIMIT %(limit)s

-- one --
SELECT stream, process, definition, channel, status, version, position, created_position, created_at, updated_at,
       steps, done, step, attempts, subject, key, parent, deadline, phase, due, started_at, ended_at, error, message,
       started_by, actor, tenant
  FROM runs
 WHERE stream = %(stream)s

-- ids --
-- Oldest first: what has waited longest is served first.
SELECT created_position, stream
  FROM runs
 WHERE {where} AND created_position > %(after)s
 ORDER BY created_position
 LIMIT %(limit)s

-- stretch --
-- The same between two places, with all that is known of each.
SELECT stream, process, definition, channel, status, version, position, created_position, created_at, updated_at,
       steps, done, step, attempts, subject, key, parent, deadline, phase, due, started_at, ended_at, error, message,
       started_by, actor, tenant
  FROM runs
 WHERE {where} AND created_position > %(after)s AND created_position <= %(upto)s
 ORDER BY created_position
 LIMIT %(limit)s

-- count --
-- Counting stops at the limit, so that the price does too.
SELECT count(*) FROM (SELECT 1 FROM runs WHERE {where} LIMIT %(limit)s) AS counted

-- fatal --
-- What has stopped for good in a channel and waits for a person.
SELECT stream, process, definition, channel, status, version, position, created_position, created_at, updated_at,
       steps, done, step, attempts, subject, key, parent, deadline, phase, due, started_at, ended_at, error, message,
       started_by, actor, tenant
  FROM runs
 WHERE channel = %(channel)s AND status IN ('error', 'exception')
 ORDER BY created_position
 LIMIT %(limit)s

-- counts --
SELECT process, channel, status, amount
  FROM run_counts
 WHERE amount <> 0
 ORDER BY process, channel, status
 LIMIT %(limit)s

-- days --
SELECT process, channel, day, begun, attempts
  FROM run_days
 WHERE day >= %(since)s
 ORDER BY day DESC, process, channel
 LIMIT %(limit)s

-- totals --
-- A row for each day, whatever the number of processes and channels.
SELECT day, sum(begun)::bigint, max(attempts)
  FROM run_days
 WHERE day >= %(since)s
 GROUP BY day
 ORDER BY day DESC
 LIMIT %(limit)s
