-- has_version --
-- Whether there is a schema at all.
SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version';

-- version --
-- Which one.
SELECT version FROM schema_version;

-- make_version --
-- Where the version is noted.
CREATE TABLE IF NOT EXISTS schema_version (single integer NOT NULL DEFAULT 1 PRIMARY KEY CHECK (single = 1), version integer NOT NULL);

-- set_version --
-- Note the version that was reached. The key is said, because SQLite would count it up.
INSERT INTO schema_version (single, version) VALUES (1, :version) ON CONFLICT (single) DO UPDATE SET version = excluded.version;

-- describe --
-- Every column and index in words that can be compared.
SELECT 'column ' || t.name || '.' || c.name,
       c.type || CASE WHEN c."notnull" THEN ' not null' ELSE '' END || coalesce(' default ' || c.dflt_value, '')
              || CASE WHEN c.pk THEN ' key ' || c.pk ELSE '' END
  FROM sqlite_master AS t JOIN pragma_table_xinfo(t.name) AS c
 WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'
 UNION ALL
SELECT 'index ' || i.name,
       CASE WHEN i."unique" THEN 'unique ' ELSE '' END
       || (SELECT group_concat(name, ', ') FROM pragma_index_info(i.name))
       || coalesce((SELECT substr(sql, instr(sql, ' WHERE ')) FROM sqlite_master AS s WHERE s.name = i.name AND i.partial), '')
  FROM sqlite_master AS t JOIN pragma_index_list(t.name) AS i
 WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%';

-- alone --
-- There is one writer anyway.
SELECT 1;

-- place --
-- The file is the place.
SELECT 1;
