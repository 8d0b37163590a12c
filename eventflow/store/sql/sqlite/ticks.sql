-- all --
SELECT name, every_seconds, began_at, took_seconds, done, error, failures, heeded, host FROM ticks ORDER BY name;

-- put --
-- The last run of a tick, in place of the one before.
INSERT INTO ticks (name, every_seconds, began_at, took_seconds, done, error, failures, heeded, host)
VALUES (:name, :every, :began_at, :took, :done, :error, :failures, :heeded, :host)
ON CONFLICT (name) DO UPDATE SET
  every_seconds = excluded.every_seconds, began_at = excluded.began_at, took_seconds = excluded.took_seconds,
  done = excluded.done, error = excluded.error, failures = excluded.failures, heeded = excluded.heeded,
  host = excluded.host;
