-- Which commands from outside were given before.

-- What was said from outside, so that it works once: the digest of its key, and the last event that came of it.
CREATE TABLE keys (
    key        bytea       NOT NULL PRIMARY KEY,
    scope      text        NOT NULL,
    stream     uuid        NOT NULL,
    version    bigint      NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX keys_expired ON keys (expires_at);
