-- totals --
-- Every stream begins with version 1, so that its beginnings can be counted instead of its ids compared.
SELECT count(*), count(*) FILTER (WHERE version = 1), coalesce(sum(size), 0), coalesce(max(position), 0) FROM events;

-- shares --
SELECT category, name, count(*) AS amount, coalesce(sum(size), 0)
  FROM events GROUP BY category, name ORDER BY amount DESC, category, name;

-- clock --
SELECT strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now') AS "now [utctext]";

-- has_table --
SELECT 1 FROM sqlite_master WHERE type IN ('table', 'view') AND name = :name;
