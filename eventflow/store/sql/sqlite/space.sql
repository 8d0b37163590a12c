-- measure --
-- Bytes of the file, and of what is free in it.
SELECT p.page_count * s.page_size, f.freelist_count * s.page_size
  FROM pragma_page_count() AS p, pragma_page_size() AS s, pragma_freelist_count() AS f;

-- mode --
SELECT auto_vacuum FROM pragma_auto_vacuum();

-- sweep --
-- Some free pages at a time, so that writers need not wait.
PRAGMA incremental_vacuum(2000);

-- convert --
-- A file that was made before it could shrink by itself learns it by being written anew, once.
PRAGMA auto_vacuum = INCREMENTAL;

-- rewrite --
VACUUM;

-- shorten --
-- The file itself is cut when what was written ahead is brought into it.
PRAGMA wal_checkpoint(TRUNCATE);
