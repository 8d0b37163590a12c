-- What only so much of may go on, and what waits for it.

ALTER TABLE work ADD COLUMN held text;
ALTER TABLE work ADD COLUMN turn integer NOT NULL DEFAULT 0;
-- What waits for a place, the oldest first.
CREATE INDEX work_held ON work (held, position) WHERE held IS NOT NULL;

-- The places that attempts have taken of what only so many may do at a time. One whose worker is gone is free.
CREATE TABLE places (
    name     text     NOT NULL,
    stream   uuidtext NOT NULL,
    owner    uuidtext NOT NULL,
    taken_at utctext  NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')),
    PRIMARY KEY (name, stream)
);

-- Hosts that failed last, and until when the ones are left alone that failed too often.
CREATE TABLE circuits (
    host       text     NOT NULL PRIMARY KEY,
    failures   integer  NOT NULL,
    failed_at  utctext NOT NULL,
    open_until utctext
);

-- How much of something there was in a period.
CREATE TABLE tallies (
    key        text     NOT NULL PRIMARY KEY,
    value      integer  NOT NULL,
    expires_at utctext NOT NULL
);
