-- create --
-- Since when each stream stands in its status.
CREATE TABLE {lingering} (
    stream     uuid PRIMARY KEY NOT NULL,
    category   text NOT NULL,
    status     text NOT NULL,
    entered_at timestamptz NOT NULL
)

-- create_longest --
CREATE INDEX {lingering}_longest ON {lingering} (category, status, entered_at)

-- create_probed --
-- When each probe last looked at a stream.
CREATE TABLE {probed} (
    stream    uuid NOT NULL,
    probe     text NOT NULL,
    probed_at timestamptz NOT NULL,
    PRIMARY KEY (stream, probe)
)

-- enter --
INSERT INTO {lingering} (stream, category, status, entered_at)
SELECT * FROM unnest(%b::uuid[], %b::text[], %b::text[], %b::timestamptz[])
    ON CONFLICT (stream) DO UPDATE SET status = excluded.status, entered_at = excluded.entered_at

-- probe --
INSERT INTO {probed} (stream, probe, probed_at)
SELECT * FROM unnest(%b::uuid[], %b::text[], %b::timestamptz[])
    ON CONFLICT (stream, probe) DO UPDATE SET probed_at = excluded.probed_at

-- forget --
DELETE FROM {lingering} WHERE stream = ANY(%b::uuid[])

-- forget_probed --
DELETE FROM {probed} WHERE stream = ANY(%b::uuid[])
