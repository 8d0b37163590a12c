-- The keys of streams whose bodies are enciphered, each wrapped by a master key that is not in here. Of one that was
-- erased the key is gone, and its row says so for ever.
CREATE TABLE stream_keys (
    stream    uuid        NOT NULL PRIMARY KEY,
    category  text        NOT NULL,
    master    text,
    key       bytea,
    made_at   timestamptz NOT NULL DEFAULT now(),
    erased_at timestamptz,
    position  bigint
);
CREATE INDEX stream_keys_master ON stream_keys (master) WHERE master IS NOT NULL;
