-- alone --
-- There is one writer at a time anyway.
SELECT 1;

-- claim --
-- Begin a segment, unless somebody is about a part of its range.
INSERT INTO archives (id, key, state, lo, hi, lease_until, actor, reason)
SELECT :id, :key, 'building', :lo, :hi, strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now', :lease || ' seconds'), :actor, :reason
 WHERE NOT EXISTS (SELECT 1 FROM archives WHERE state = 'building' AND lo <= :hi AND hi >= :lo)
RETURNING 1;

-- extend --
-- Still at it; no row back means that somebody has taken it away.
UPDATE archives SET lease_until = strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now', :lease || ' seconds')
 WHERE id = :id AND state = 'building' AND lease_until > strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')
RETURNING 1;

-- seal --
-- From now on its bodies are there and nowhere else; no row back means that it was taken away meanwhile.
UPDATE archives
   SET state = 'sealed', sealed_at = :sealed_at, events = :events, members = :members, size = :size,
       freed = :freed, sha256 = :sha256, manifest = :manifest, dictionary = :dictionary
 WHERE id = :id AND state = 'building' AND lease_until > strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')
RETURNING 1;

-- place --
-- Where the bodies of a run of versions lie from now on.
INSERT INTO archive_members (stream, first_version, last_version, archive, start, length, raw_length, sha256)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- retire --
-- Give up a segment that was never sealed.
UPDATE archives SET state = 'retired' WHERE id = :id AND state = 'building' RETURNING 1;

-- retire_lost --
-- Take away what its owner has left: from now on it cannot be sealed.
UPDATE archives SET state = 'retired' WHERE state = 'building' AND lease_until <= strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now') RETURNING 1;

-- forget --
-- Its object is gone.
DELETE FROM archives WHERE id = :id AND state = 'retired' RETURNING 1;

-- get --
SELECT {archive} FROM archives WHERE id = :id;

-- unfinished --
SELECT {archive} FROM archives WHERE state <> 'sealed' ORDER BY lo;

-- sealed --
-- Segments in the order of what is in them, some at a time.
SELECT {archive} FROM archives
 WHERE state = 'sealed' AND (lo, id) > (:lo, :id) ORDER BY lo, id LIMIT :limit;

-- sealed_within --
-- Segments that may hold something between two positions.
SELECT {archive} FROM archives WHERE state = 'sealed' AND lo <= :hi AND hi >= :lo ORDER BY lo, id;

-- last_sealed --
SELECT {archive} FROM archives WHERE state = 'sealed' ORDER BY sealed_at DESC, hi DESC, id DESC LIMIT 1;

-- is_known --
SELECT 1 FROM archives WHERE key = :key;

-- totals --
SELECT count(*), coalesce(sum(events), 0), coalesce(sum(members), 0), coalesce(sum(size), 0), coalesce(sum(freed), 0)
  FROM archives WHERE state = 'sealed';

-- holding --
-- Where one version lies.
SELECT {place} FROM archive_members AS m JOIN archives AS a ON a.id = m.archive
 WHERE m.stream = :stream AND m.first_version <= :version ORDER BY m.first_version DESC LIMIT 1;

-- places --
-- Where versions of a stream lie, in order.
SELECT {place} FROM archive_members AS m JOIN archives AS a ON a.id = m.archive
 WHERE m.stream = :stream AND m.first_version <= :last AND m.last_version >= :first ORDER BY m.first_version;

-- places_of --
-- What lies in a segment, in the order of its bytes, some at a time.
SELECT {place} FROM archive_members AS m JOIN archives AS a ON a.id = m.archive
 WHERE m.archive = :archive AND m.start > :after ORDER BY m.start LIMIT :limit;

-- keep_dictionary --
INSERT INTO dictionaries (sha256, content) VALUES (:sha256, :content) ON CONFLICT (sha256) DO NOTHING;

-- dictionary --
SELECT content FROM dictionaries WHERE sha256 = :sha256;
