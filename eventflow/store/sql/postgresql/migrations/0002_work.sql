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
-- What is due, longest due first; what the broker has; what somebody works on. Each row is in one of them.
CREATE INDEX work_ready ON work (reaction, (COALESCE(due, '-infinity')), position)
 WHERE sent_at IS NULL AND phase <> 'claimed';
CREATE INDEX work_sent ON work (reaction, sent_at) WHERE sent_at IS NOT NULL AND phase <> 'claimed';
CREATE INDEX work_claimed ON work (position) WHERE phase = 'claimed';
