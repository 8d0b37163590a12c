-- create --
-- Since when each stream stands in its status.
CREATE TABLE {lingering} (
    stream     uuidtext PRIMARY KEY NOT NULL,
    category   text NOT NULL,
    status     text NOT NULL,
    entered_at utctext NOT NULL
)

-- create_longest --
CREATE INDEX {lingering}_longest ON {lingering} (category, status, entered_at)

-- create_probed --
-- When each probe last looked at a stream.
CREATE TABLE {probed} (
    stream    uuidtext NOT NULL,
    probe     text NOT NULL,
    probed_at utctext NOT NULL,
    PRIMARY KEY (stream, probe)
) WITHOUT ROWID

-- enter --
INSERT INTO {lingering} (stream, category, status, entered_at)
VALUES (?, ?, ?, ?)
    ON CONFLICT (stream) DO UPDATE SET status = excluded.status, entered_at = excluded.entered_at

-- probe --
INSERT INTO {probed} (stream, probe, probed_at)
VALUES (?, ?, ?)
    ON CONFLICT (stream, probe) DO UPDATE SET probed_at = excluded.probed_at

-- forget --
DELETE FROM {lingering} WHERE stream = ?

-- forget_probed --
DELETE FROM {probed} WHERE stream = ?
