-- What only so much of may go on, and what waits for it.

ALTER TABLE work ADD COLUMN held text;
ALTER TABLE work ADD COLUMN turn integer NOT NULL DEFAULT 0;
-- What waits for a place, the oldest first.
CREATE INDEX work_held ON work (held, position) WHERE held IS NOT NULL;

-- The places that attempts have taken of what only so many may do at a time. One whose worker is gone is free.
CREATE TABLE places (
    name     text        NOT NULL,
    stream   uuid        NOT NULL,
    owner    uuid        NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, stream)
);

-- Hosts that failed last, and until when the ones are left alone that failed too often.
CREATE TABLE circuits (
    host       text        NOT NULL PRIMARY KEY,
    failures   integer     NOT NULL,
    failed_at  timestamptz NOT NULL,
    open_until timestamptz
);

-- How much of something there was in a period.
CREATE TABLE tallies (
    key        text        NOT NULL PRIMARY KEY,
    value      bigint      NOT NULL,
    expires_at timestamptz NOT NULL
);
