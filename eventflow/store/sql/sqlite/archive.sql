-- alone --
-- There is one writer at a time anyway.
SELECT 1;

-- claim --
-- Begin a segment, unless somebody is about a part of its range.
INSERT INTO archives (id, key, state, lo, hi, lease_until, actor, reason)
SELECT :id, :key, 'building', :lo, :hi, strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now', :lease || ' seconds'), :actor, :reason
 WHERE NOT EXISTS (SELECT 1 FROM archives WHERE state = 'building' AND lo <= :hi AND hi >= :lo)
RETURNING 1;

-- claim_again --
-- Begin to write a segment anew, unless somebody is at it. Nobody waits for its range: its bodies are not hot.
INSERT INTO archives (id, key, state, lo, hi, lease_until, actor, reason, replaces)
SELECT :id, :key, 'rewriting', a.lo, a.hi, strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now', :lease || ' seconds'), :actor, :reason, a.id
  FROM archives AS a
 WHERE a.id = :replaces AND a.state = 'sealed'
   AND NOT EXISTS (SELECT 1 FROM archives AS o WHERE o.state = 'rewriting' AND o.replaces = a.id)
RETURNING 1;

-- extend --
-- Still at it; no row back means that somebody has taken it away.
UPDATE archives SET lease_until = strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now', :lease || ' seconds')
 WHERE id = :id AND state IN ('building', 'rewriting') AND lease_until > strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')
RETURNING 1;

-- seal --
-- From now on its bodies are there and nowhere else; no row back means that it was taken away meanwhile.
UPDATE archives
   SET state = 'sealed', sealed_at = :sealed_at, events = :events, members = :members, size = :size,
       freed = :freed, sha256 = :sha256, manifest = :manifest, dictionary = :dictionary
 WHERE id = :id AND state IN ('building', 'rewriting') AND lease_until > strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')
RETURNING 1;

-- place --
-- Where the bodies of a run of versions lie from now on.
INSERT INTO archive_members (stream, first_version, last_version, archive, start, length, raw_length, sha256, secret)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- replace --
-- Another segment has these bodies now. The object stays for a while; no row back means that it was replaced already.
UPDATE archives SET state = 'replaced', lease_until = strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now', :grace || ' seconds')
 WHERE id = :id AND state = 'sealed'
RETURNING 1;

-- displace --
DELETE FROM archive_members WHERE archive = :id;

-- replaced --
-- Segments whose bodies others have; those alone whose time is over, if one asks for them.
SELECT {archive} FROM archives
 WHERE state = 'replaced' AND (:over = 0 OR lease_until <= strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')) ORDER BY lo, id;

-- replaced_of --
-- Those among them in which something of a stream may still stand in plain: as a body, or in their dictionary.
SELECT {archive} FROM archives
 WHERE state = 'replaced'
   AND EXISTS (SELECT 1 FROM events AS e
                WHERE e.stream = :stream AND e.codec NOT LIKE '%k'
                  AND (e.position BETWEEN archives.lo AND archives.hi
                    OR EXISTS (SELECT 1 FROM dictionary_sources AS d
                                WHERE d.dictionary = archives.dictionary AND d.category = e.category)))
 ORDER BY lo, id;

-- withdraw --
-- The object is gone. The row stays: later manifests name this one.
UPDATE archives SET state = 'withdrawn' WHERE id = :id AND state = 'replaced' RETURNING 1;

-- bare --
-- Segments in which something of these categories stands in plain: as a body, or in their dictionary. By range, some at
-- a time.
SELECT {archive} FROM archives
 WHERE state = 'sealed' AND (lo, id) > (:after, :id) AND lo <= :hi AND hi >= :lo AND (
       EXISTS (SELECT 1 FROM archive_members AS m
                 JOIN events AS e ON e.stream = m.stream AND e.version BETWEEN m.first_version AND m.last_version
                WHERE m.archive = archives.id AND NOT m.secret AND (:stream IS NULL OR m.stream = :stream)
                  AND e.category IN (SELECT value FROM json_each(:categories)) AND e.codec NOT LIKE '%k')
    OR EXISTS (SELECT 1 FROM dictionary_sources AS d
                WHERE d.dictionary = archives.dictionary AND d.category IN (SELECT value FROM json_each(:categories))))
 ORDER BY lo, id LIMIT :limit;

-- bare_streams --
-- The streams of these categories of which a segment holds bodies in plain, and how many.
SELECT e.stream, e.category, count(*)
  FROM archive_members AS m
  JOIN events AS e ON e.stream = m.stream AND e.version BETWEEN m.first_version AND m.last_version
 WHERE m.archive = :archive AND NOT m.secret AND e.category IN (SELECT value FROM json_each(:categories)) AND e.codec NOT LIKE '%k'
 GROUP BY e.stream, e.category;

-- retire --
-- Give up a segment that was never sealed.
UPDATE archives SET state = 'retired' WHERE id = :id AND state IN ('building', 'rewriting') RETURNING 1;

-- retire_lost --
-- Take away what its owner has left: from now on it cannot be sealed.
UPDATE archives SET state = 'retired' WHERE state IN ('building', 'rewriting') AND lease_until <= strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now') RETURNING 1;

-- forget --
-- Its object is gone.
DELETE FROM archives WHERE id = :id AND state = 'retired' RETURNING 1;

-- get --
SELECT {archive} FROM archives WHERE id = :id;

-- unfinished --
SELECT {archive} FROM archives WHERE state IN ('building', 'rewriting', 'retired') ORDER BY lo;

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
-- Of one that was replaced nothing should be left: what comes back from a copy belongs to nobody.
SELECT 1 FROM archives WHERE key = :key AND state <> 'withdrawn';

-- manifests --
-- What any segment that there is or was is known by.
SELECT manifest FROM archives WHERE manifest IS NOT NULL;

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

-- keep_source --
INSERT INTO dictionary_sources (dictionary, category) VALUES (:sha256, :category) ON CONFLICT DO NOTHING;

-- sources --
-- The categories whose bodies a dictionary was made of.
SELECT category FROM dictionary_sources WHERE dictionary = :sha256 ORDER BY category;

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
