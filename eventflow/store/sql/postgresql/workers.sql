-- beat --
INSERT INTO workers (id, name, started_at, beat_at, lease_seconds)
VALUES (%(id)s, %(name)s, clock_timestamp(), clock_timestamp(), %(lease)s)
ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at, lease_seconds = excluded.lease_seconds;

-- retire --
DELETE FROM workers WHERE id = %(id)s;

-- all --
SELECT id, name, started_at, beat_at, beat_at >= clock_timestamp() - make_interval(secs => lease_seconds)
  FROM workers ORDER BY beat_at;
