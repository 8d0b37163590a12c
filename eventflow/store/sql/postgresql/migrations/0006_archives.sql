-- The segments: objects into which the bodies of a range of positions were moved. One that is building belongs to
-- its owner for as long as its lease lasts; one that is retired is on its way out, object first.
CREATE TABLE archives (
    id          uuid         NOT NULL PRIMARY KEY,
    key         text         NOT NULL,
    state       text         NOT NULL,
    lo          bigint       NOT NULL,
    hi          bigint       NOT NULL,
    began_at    timestamptz  NOT NULL DEFAULT now(),
    lease_until timestamptz  NOT NULL,
    sealed_at   timestamptz,
    actor       text,
    reason      text,
    events      bigint       NOT NULL DEFAULT 0,
    members     bigint       NOT NULL DEFAULT 0,
    size        bigint      NOT NULL DEFAULT 0,
    freed       bigint       NOT NULL DEFAULT 0,
    sha256      bytea,
    manifest    bytea,
    dictionary  bytea
);
CREATE INDEX archives_building ON archives (lo) WHERE state <> 'sealed';
CREATE INDEX archives_sealed ON archives (lo) WHERE state = 'sealed';

-- Where the bodies of a stream lie: one row for each run of versions without a gap. A body has one place at most.
CREATE TABLE archive_members (
    stream        uuid   NOT NULL,
    first_version bigint NOT NULL,
    last_version  bigint NOT NULL,
    archive       uuid   NOT NULL,
    start         bigint NOT NULL,
    length        bigint NOT NULL,
    raw_length    bigint NOT NULL,
    sha256        bytea  NOT NULL,
    PRIMARY KEY (stream, first_version)
);
CREATE INDEX archive_members_archive ON archive_members (archive, start);

-- What segments were compressed with, so that one ranged read is enough to open a member.
CREATE TABLE dictionaries (
    sha256  bytea       NOT NULL PRIMARY KEY,
    content bytea       NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
);

-- Copies of archived bodies that are wanted near for a while.
CREATE TABLE restored (
    position bigint      NOT NULL PRIMARY KEY,
    state    bytea       NOT NULL,
    until    timestamptz NOT NULL
);
ALTER TABLE restored ALTER COLUMN state SET STORAGE EXTERNAL;
CREATE INDEX restored_until ON restored (until);
