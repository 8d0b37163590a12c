-- beat --
INSERT INTO workers (id, name, started_at, beat_at, lease_seconds)
VALUES (:id, :name, strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now'), strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now'), :lease)
ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at, lease_seconds = excluded.lease_seconds;

-- retire --
DELETE FROM workers WHERE id = :id;

-- all --
SELECT id, name, started_at, beat_at, julianday(beat_at) >= julianday('now') - lease_seconds / 86400.0
  FROM workers ORDER BY beat_at;
