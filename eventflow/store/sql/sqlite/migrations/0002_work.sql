-- Who works, and on what.

CREATE TABLE workers (
    id            uuidtext NOT NULL PRIMARY KEY,
    name          text     NOT NULL,
    started_at    utctext  NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')),
    beat_at       utctext  NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')),
    lease_seconds real     NOT NULL
);

-- What is to be done with each stream: kept by the relay, in one transaction with its checkpoint.
CREATE TABLE work (
    stream   uuidtext NOT NULL PRIMARY KEY,
    category text     NOT NULL,
    status   text     NOT NULL,
    version  integer  NOT NULL,
    phase    text,
    reaction text,
    attempt  integer,
    due      utctext,
    owner    uuidtext,
    position integer  NOT NULL,
    sent_at  utctext
);
-- What is due, longest due first; what the broker has; what somebody works on. Each row is in one of them.
CREATE INDEX work_ready ON work (reaction, COALESCE(due, ''), position)
 WHERE sent_at IS NULL AND phase <> 'claimed';
CREATE INDEX work_sent ON work (reaction, sent_at) WHERE sent_at IS NOT NULL AND phase <> 'claimed';
CREATE INDEX work_claimed ON work (position) WHERE phase = 'claimed';
