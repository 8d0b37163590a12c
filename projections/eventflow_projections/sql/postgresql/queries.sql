-- items_newest --
-- By the position of the first event, which never changes: a row that moves between two pages is still met once.
SELECT stream, category, status, previous, version, position, created_position, created_at, updated_at, tenant, phase,
       reaction, attempt, due, error, fingerprint
  FROM items
 WHERE {where} AND created_position < %(after)s
 ORDER BY created_position DESC
 LIMIT %(limit)s

-- items_one --
SELECT stream, category, status, previous, version, position, created_position, created_at, updated_at, tenant, phase,
       reaction, attempt, due, error, fingerprint
  FROM items
 WHERE stream = %(stream)s

-- items_ids --
-- Oldest first: what has waited longest is served first.
SELECT created_position, stream
  FROM items
 WHERE {where} AND created_position > %(after)s
 ORDER BY created_position
 LIMIT %(limit)s

-- items_stretch --
-- The same between two places, with all that is known of each.
SELECT stream, category, status, previous, version, position, created_position, created_at, updated_at, tenant, phase,
       reaction, attempt, due, error, fingerprint
  FROM items
 WHERE {where} AND created_position > %(after)s AND created_position <= %(upto)s
 ORDER BY created_position
 LIMIT %(limit)s

-- items_count --
-- Counting stops at the limit, so that the price does too.
SELECT count(*) FROM (SELECT 1 FROM items WHERE {where} LIMIT %(limit)s) AS counted

-- items_failures --
-- Failures of a kind, the largest group first, each with its latest example and the time of its first.
SELECT kinds.category, kinds.status, kinds.fingerprint, amount, newest.stream, newest.error, newest.updated_at,
       oldest.updated_at
  FROM (SELECT category, status, fingerprint, count(*) AS amount, max(position) AS latest, min(position) AS earliest
          FROM items
         WHERE error IS NOT NULL AND phase = 'announced' AND {where}
         GROUP BY category, status, fingerprint
         ORDER BY amount DESC, latest DESC
         LIMIT %(limit)s) AS kinds
  JOIN items AS newest
    ON newest.error IS NOT NULL AND newest.phase = 'announced'
   AND newest.category = kinds.category AND newest.status = kinds.status
   AND newest.fingerprint = kinds.fingerprint AND newest.position = kinds.latest
  JOIN items AS oldest
    ON oldest.error IS NOT NULL AND oldest.phase = 'announced'
   AND oldest.category = kinds.category AND oldest.status = kinds.status
   AND oldest.fingerprint = kinds.fingerprint AND oldest.position = kinds.earliest
 ORDER BY amount DESC, latest DESC

-- items_failed --
-- How many failed; counting stops at the limit.
SELECT count(*)
  FROM (SELECT 1 FROM items WHERE error IS NOT NULL AND phase = 'announced' AND {where} LIMIT %(limit)s) AS counted

-- history_of --
SELECT stream, version, position, category, name, status, previous, phase, kind, reaction, attempt, owner, due, error,
       actor, correlation, causation, recorded_at
  FROM history
 WHERE stream = %(stream)s AND version > %(after)s
 ORDER BY version
 LIMIT %(limit)s

-- metrics_counts --
SELECT category, status, CAST(sum(entered) AS bigint), CAST(sum("left") AS bigint)
  FROM metrics
 WHERE {where}
 GROUP BY category, status
 ORDER BY category, status
 LIMIT %(limit)s

-- metrics_days --
SELECT category, status, day, entered, "left"
  FROM metrics
 WHERE day >= %(since)s AND {where}
 ORDER BY day DESC, category, status
 LIMIT %(limit)s

-- stories_streams --
SELECT stream FROM stories WHERE correlation = %(correlation)s ORDER BY stream LIMIT %(limit)s

-- lingering_longest --
-- Who has stood in a status since before a time, without a probe of this name since then; the longest first.
SELECT lingering.stream
  FROM lingering LEFT JOIN probed ON probed.stream = lingering.stream AND probed.probe = %(probe)s
 WHERE lingering.category = %(category)s AND lingering.status = %(status)s AND lingering.entered_at <= %(before)s
   AND (probed.probed_at IS NULL OR probed.probed_at <= %(before)s)
 ORDER BY lingering.entered_at
 LIMIT %(limit)s
