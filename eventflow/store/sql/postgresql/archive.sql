-- alone --
-- Of those who look for a range that nobody has, one looks at a time; its next statement sees what the one before took.
SELECT 1 FROM (SELECT pg_advisory_xact_lock('archives'::regclass::oid::int, 0)) AS locked;

-- claim --
-- Begin a segment, unless somebody is about a part of its range.
INSERT INTO archives (id, key, state, lo, hi, lease_until, actor, reason)
SELECT %(id)s, %(key)s, 'building', %(lo)s, %(hi)s, clock_timestamp() + make_interval(secs => %(lease)s), %(actor)s::text, %(reason)s::text
 WHERE NOT EXISTS (SELECT 1 FROM archives WHERE state = 'building' AND lo <= %(hi)s AND hi >= %(lo)s)
RETURNING 1;

-- extend --
-- Still at it; no row back means that somebody has taken it away.
UPDATE archives SET lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
 WHERE id = %(id)s AND state = 'building' AND lease_until > clock_timestamp()
RETURNING 1;

-- seal --
-- From now on its bodies are there and nowhere else; no row back means that it was taken away meanwhile.
UPDATE archives
   SET state = 'sealed', sealed_at = %(sealed_at)s, events = %(events)s, members = %(members)s, size = %(size)s,
       freed = %(freed)s, sha256 = %(sha256)s, manifest = %(manifest)s, dictionary = %(dictionary)s
 WHERE id = %(id)s AND state = 'building' AND lease_until > clock_timestamp()
RETURNING 1;

-- place --
-- Where the bodies of a run of versions lie from now on.
INSERT INTO archive_members (stream, first_version, last_version, archive, start, length, raw_length, sha256)
SELECT * FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bytea[]);

-- retire --
-- Give up a segment that was never sealed.
UPDATE archives SET state = 'retired' WHERE id = %(id)s AND state = 'building' RETURNING 1;

-- retire_lost --
-- Take away what its owner has left: from now on it cannot be sealed.
UPDATE archives SET state = 'retired' WHERE state = 'building' AND lease_until <= clock_timestamp() RETURNING 1;

-- forget --
-- Its object is gone.
DELETE FROM archives WHERE id = %(id)s AND state = 'retired' RETURNING 1;

-- get --
SELECT {archive} FROM archives WHERE id = %(id)s;

-- unfinished --
SELECT {archive} FROM archives WHERE state <> 'sealed' ORDER BY lo;

-- sealed --
-- Segments in the order of what is in them, some at a time.
SELECT {archive} FROM archives
 WHERE state = 'sealed' AND (lo, id) > (%(lo)s, %(id)s) ORDER BY lo, id LIMIT %(limit)s;

-- sealed_within --
-- Segments that may hold something between two positions.
SELECT {archive} FROM archives WHERE state = 'sealed' AND lo <= %(hi)s AND hi >= %(lo)s ORDER BY lo, id;

-- last_sealed --
SELECT {archive} FROM archives WHERE state = 'sealed' ORDER BY sealed_at DESC, hi DESC, id DESC LIMIT 1;

-- is_known --
SELECT 1 FROM archives WHERE key = %(key)s;

-- totals --
SELECT count(*), coalesce(sum(events), 0)::bigint, coalesce(sum(members), 0)::bigint, coalesce(sum(size), 0)::bigint, coalesce(sum(freed), 0)::bigint
  FROM archives WHERE state = 'sealed';

-- holding --
-- Where one version lies.
SELECT {place} FROM archive_members AS m JOIN archives AS a ON a.id = m.archive
 WHERE m.stream = %(stream)s AND m.first_version <= %(version)s ORDER BY m.first_version DESC LIMIT 1;

-- places --
-- Where versions of a stream lie, in order.
SELECT {place} FROM archive_members AS m JOIN archives AS a ON a.id = m.archive
 WHERE m.stream = %(stream)s AND m.first_version <= %(last)s AND m.last_version >= %(first)s ORDER BY m.first_version;

-- places_of --
-- What lies in a segment, in the order of its bytes, some at a time.
SELECT {place} FROM archive_members AS m JOIN archives AS a ON a.id = m.archive
 WHERE m.archive = %(archive)s AND m.start > %(after)s ORDER BY m.start LIMIT %(limit)s;

-- keep_dictionary --
INSERT INTO dictionaries (sha256, content) VALUES (%(sha256)s, %(content)s) ON CONFLICT (sha256) DO NOTHING;

-- dictionary --
SELECT content FROM dictionaries WHERE sha256 = %(sha256)s;
