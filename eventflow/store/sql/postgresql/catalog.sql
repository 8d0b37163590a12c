-- has_version --
-- Whether there is a schema at all.
SELECT 1 WHERE to_regclass('schema_version') IS NOT NULL;

-- version --
-- Which one.
SELECT version FROM schema_version;

-- make_version --
-- Where the version is noted.
CREATE TABLE IF NOT EXISTS schema_version (single boolean NOT NULL DEFAULT true PRIMARY KEY CHECK (single), version integer NOT NULL);

-- set_version --
-- Note the version that was reached.
INSERT INTO schema_version (version) VALUES (%(version)s) ON CONFLICT (single) DO UPDATE SET version = excluded.version;

-- describe --
-- Every column, index, constraint, sequence and function of this schema in words that can be compared.
SELECT format('column %s.%s', c.relname, a.attname),
       concat_ws(' ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'not null' END,
                 'default ' || replace(pg_get_expr(d.adbin, d.adrelid), quote_ident(current_schema()) || '.', ''),
                 'storage ' || a.attstorage::text)
  FROM pg_class AS c
  JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
 WHERE c.relnamespace = quote_ident(current_schema())::regnamespace AND c.relkind IN ('r', 'c', 'p')
 UNION ALL
SELECT format('index %s', indexname), replace(indexdef, quote_ident(schemaname) || '.', '')
  FROM pg_indexes WHERE schemaname = current_schema()
 UNION ALL
SELECT format('constraint %s', conname), pg_get_constraintdef(oid)
  FROM pg_constraint WHERE connamespace = quote_ident(current_schema())::regnamespace
 UNION ALL
SELECT format('sequence %s', sequencename), concat_ws(' ', data_type, 'increment', increment_by, 'cache', cache_size)
  FROM pg_sequences WHERE schemaname = current_schema()
 UNION ALL
SELECT format('function %s', proname), concat_ws(' ', pg_get_function_arguments(oid), provolatile, md5(prosrc))
  FROM pg_proc WHERE pronamespace = quote_ident(current_schema())::regnamespace;

-- alone --
-- Of many processes that make or change the schema at the same time, one works and the others wait.
SELECT pg_advisory_xact_lock(hashtextextended('eventflow schema ' || current_setting('search_path'), 0));

-- place --
-- The schema itself, which the search path of every connection names alone.
DO $$ BEGIN EXECUTE 'CREATE SCHEMA IF NOT EXISTS ' || current_setting('search_path'); END $$;
