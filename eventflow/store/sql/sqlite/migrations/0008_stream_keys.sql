-- The keys of streams whose bodies are enciphered, each wrapped by a master key that is not in here. Of one that was
-- erased the key is gone, and its row says so for ever.
CREATE TABLE stream_keys (
    stream    uuidtext NOT NULL PRIMARY KEY,
    category  text     NOT NULL,
    master    text,
    key       blob,
    made_at   utctext  NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')),
    erased_at utctext,
    position  integer
);
CREATE INDEX stream_keys_master ON stream_keys (master) WHERE master IS NOT NULL;
