-- alone --
-- Of those who look for a range that nobody has, one looks at a time; its next statement sees what the one before took.
SELECT 1 FROM (SELECT pg_advisory_xact_lock('archives'::regclass::oid::int, 0)) AS locked;

-- claim --
-- Begin a segment, unless somebody is about a part of its range.
INSERT INTO archives (id, key, state, lo, hi, lease_until, actor, reason)
SELECT %(id)s, %(key)s, 'building', %(lo)s, %(hi)s, clock_timestamp() + make_interval(secs => %(lease)s), %(actor)s::text, %(reason)s::text
 WHERE NOT EXISTS (SELECT 1 FROM archives WHERE state = 'building' AND lo <= %(hi)s AND hi >= %(lo)s)
RETURNING 1;

-- claim_again --
-- Begin to write a segment anew, unless somebody is at it. Nobody waits for its range: its bodies are not hot.
INSERT INTO archives (id, key, state, lo, hi, lease_until, actor, reason, replaces)
SELECT %(id)s, %(key)s, 'rewriting', a.lo, a.hi, clock_timestamp() + make_interval(secs => %(lease)s), %(actor)s::text, %(reason)s::text, a.id
  FROM archives AS a
 WHERE a.id = %(replaces)s AND a.state = 'sealed'
   AND NOT EXISTS (SELECT 1 FROM archives AS o WHERE o.state = 'rewriting' AND o.replaces = a.id)
RETURNING 1;

-- extend --
-- Still at it; no row back means that somebody has taken it away.
UPDATE archives SET lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
 WHERE id = %(id)s AND state IN ('building', 'rewriting') AND lease_until > clock_timestamp()
RETURNING 1;

-- seal --
-- From now on its bodies are there and nowhere else; no row back means that it was taken away meanwhile.
UPDATE archives
   SET state = 'sealed', sealed_at = %(sealed_at)s, events = %(events)s, members = %(members)s, size = %(size)s,
       freed = %(freed)s, sha256 = %(sha256)s, manifest = %(manifest)s, dictionary = %(dictionary)s
 WHERE id = %(id)s AND state IN ('building', 'rewriting') AND lease_until > clock_timestamp()
RETURNING 1;

-- place --
-- Where the bodies of a run of versions lie from now on.
INSERT INTO archive_members (stream, first_version, last_version, archive, start, length, raw_length, sha256, secret)
SELECT * FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bytea[], %s::boolean[]);

-- replace --
-- Another segment has these bodies now. The object stays for a while; no row back means that it was replaced already.
UPDATE archives SET state = 'replaced', lease_until = clock_timestamp() + make_interval(secs => %(grace)s)
 WHERE id = %(id)s AND state = 'sealed'
RETURNING 1;

-- displace --
DELETE FROM archive_members WHERE archive = %(id)s;

-- replaced --
-- Segments whose bodies others have; those alone whose time is over, if one asks for them.
SELECT {archive} FROM archives
 WHERE state = 'replaced' AND (%(over)s = 0 OR lease_until <= clock_timestamp()) ORDER BY lo, id;

-- replaced_of --
-- Those among them in which something of a stream may still stand in plain: as a body, or in their dictionary.
SELECT {archive} FROM archives
 WHERE state = 'replaced'
   AND EXISTS (SELECT 1 FROM events AS e
                WHERE e.stream = %(stream)s AND e.codec NOT LIKE '%%k'
                  AND (e.position BETWEEN archives.lo AND archives.hi
                    OR EXISTS (SELECT 1 FROM dictionary_sources AS d
                                WHERE d.dictionary = archives.dictionary AND d.category = e.category)))
 ORDER BY lo, id;

-- withdraw --
-- The object is gone. The row stays: later manifests name this one.
UPDATE archives SET state = 'withdrawn' WHERE id = %(id)s AND state = 'replaced' RETURNING 1;

-- bare --
-- Segments in which something of these categories stands in plain: as a body, or in their dictionary. By range, some at
-- a time.
SELECT {archive} FROM archives
 WHERE state = 'sealed' AND (lo, id) > (%(after)s, %(id)s) AND lo <= %(hi)s AND hi >= %(lo)s AND (
       EXISTS (SELECT 1 FROM archive_members AS m
                 JOIN events AS e ON e.stream = m.stream AND e.version BETWEEN m.first_version AND m.last_version
                WHERE m.archive = archives.id AND NOT m.secret AND (%(stream)s::uuid IS NULL OR m.stream = %(stream)s::uuid)
                  AND e.category = ANY(%(categories)s::text[]) AND e.codec NOT LIKE '%%k')
    OR EXISTS (SELECT 1 FROM dictionary_sources AS d
                WHERE d.dictionary = archives.dictionary AND d.category = ANY(%(categories)s::text[])))
 ORDER BY lo, id LIMIT %(limit)s;

-- bare_streams --
-- The streams of these categories of which a segment holds bodies in plain, and how many.
SELECT e.stream, e.category, count(*)
  FROM archive_members AS m
  JOIN events AS e ON e.stream = m.stream AND e.version BETWEEN m.first_version AND m.last_version
 WHERE m.archive = %(archive)s AND NOT m.secret AND e.category = ANY(%(categories)s::text[]) AND e.codec NOT LIKE '%%k'
 GROUP BY e.stream, e.category;

-- retire --
-- Give up a segment that was never sealed.
UPDATE archives SET state = 'retired' WHERE id = %(id)s AND state IN ('building', 'rewriting') RETURNING 1;

-- retire_lost --
-- Take away what its owner has left: from now on it cannot be sealed.
UPDATE archives SET state = 'retired' WHERE state IN ('building', 'rewriting') AND lease_until <= clock_timestamp() RETURNING 1;

-- forget --
-- Its object is gone.
DELETE FROM archives WHERE id = %(id)s AND state = 'retired' RETURNING 1;

-- get --
SELECT {archive} FROM archives WHERE id = %(id)s;

-- unfinished --
SELECT {archive} FROM archives WHERE state IN ('building', 'rewriting', 'retired') ORDER BY lo;

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
-- Of one that was replaced nothing should be left: what comes back from a copy belongs to nobody.
SELECT 1 FROM archives WHERE key = %(key)s AND state <> 'withdrawn';

-- manifests --
-- What any segment that there is or was is known by.
SELECT manifest FROM archives WHERE manifest IS NOT NULL;

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

-- keep_source --
INSERT INTO dictionary_sources (dictionary, category) VALUES (%(sha256)s, %(category)s) ON CONFLICT DO NOTHING;

-- sources --
-- The categories whose bodies a dictionary was made of.
SELECT category FROM dictionary_sources WHERE dictionary = %(sha256)s ORDER BY category;

-- forget_dictionaries --
-- Those that open nothing any more.
DELETE FROM dictionaries
 WHERE NOT EXISTS (SELECT 1 FROM archives AS a WHERE a.dictionary = dictionaries.sha256 AND a.state = 'sealed')
RETURNING 1;

-- forget_sources --
-- What they were made of is known for as long as one stands in an object.
DELETE FROM dictionary_sources
 WHERE NOT EXISTS (SELECT 1 FROM archives AS a
                    WHERE a.dictionary = dictionary_sources.dictionary AND a.state IN ('sealed', 'replaced'))
RETURNING 1;
