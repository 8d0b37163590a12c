-- Which commands from outside were given before.

-- What was said from outside, so that it works once: the digest of its key, and the last event that came of it.
CREATE TABLE keys (
    key        blob     NOT NULL PRIMARY KEY,
    scope      text     NOT NULL,
    stream     uuidtext NOT NULL,
    version    integer  NOT NULL,
    expires_at utctext  NOT NULL
);
CREATE INDEX keys_expired ON keys (expires_at);
