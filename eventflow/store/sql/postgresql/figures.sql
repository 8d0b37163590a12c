-- totals --
-- Every stream begins with version 1, so that its beginnings can be counted instead of its ids compared.
SELECT count(*), count(*) FILTER (WHERE version = 1), coalesce(sum(size), 0)::bigint, coalesce(max(position), 0) FROM events;

-- shares --
SELECT category, name, count(*) AS amount, coalesce(sum(size), 0)::bigint
  FROM events GROUP BY category, name ORDER BY amount DESC, category, name;

-- clock --
SELECT clock_timestamp();

-- has_table --
SELECT 1 WHERE to_regclass(%(name)s) IS NOT NULL;
