-- Who works, and on what.

CREATE TABLE workers (
    id            uuid             NOT NULL PRIMARY KEY,
    name          text             NOT NULL,
    started_at    timestamptz      NOT NULL DEFAULT now(),
    beat_at       timestamptz      NOT NULL DEFAULT now(),
    lease_seconds double precision NOT NULL
);

-- What is to be done with each stream: kept by the relay, in one transaction with its checkpoint.
CREATE TABLE work (
    stream   uuid    NOT NULL PRIMARY KEY,
    category text    NOT NULL,
    status   text    NOT NULL,
    version  bigint  NOT NULL,
    phase    text,
    reaction text,
    attempt  integer,
    due      timestamptz,
    owner    uuid,
    position bigint  NOT NULL,
    sent_at  timestamptz
);
CREATE INDEX work_due    ON work (due) WHERE due IS NOT NULL;
CREATE INDEX work_unsent ON work (position) WHERE sent_at IS NULL;
CREATE INDEX work_sent   ON work (sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX work_owner  ON work (owner) WHERE owner IS NOT NULL;
