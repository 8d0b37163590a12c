-- The segments: objects into which the bodies of a range of positions were moved. One that is building belongs to
-- its owner for as long as its lease lasts; one that is retired is on its way out, object first.
CREATE TABLE archives (
    id          uuidtext NOT NULL PRIMARY KEY,
    key         text     NOT NULL,
    state       text     NOT NULL,
    lo          integer  NOT NULL,
    hi          integer  NOT NULL,
    began_at    utctext  NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')),
    lease_until utctext  NOT NULL,
    sealed_at   utctext,
    actor       text,
    reason      text,
    events      integer  NOT NULL DEFAULT 0,
    members     integer  NOT NULL DEFAULT 0,
    size        integer  NOT NULL DEFAULT 0,
    freed       integer  NOT NULL DEFAULT 0,
    sha256      blob,
    manifest    blob,
    dictionary  blob
);
CREATE INDEX archives_building ON archives (lo) WHERE state <> 'sealed';
CREATE INDEX archives_sealed ON archives (lo) WHERE state = 'sealed';

-- Where the bodies of a stream lie: one row for each run of versions without a gap. A body has one place at most.
CREATE TABLE archive_members (
    stream        uuidtext NOT NULL,
    first_version integer  NOT NULL,
    last_version  integer  NOT NULL,
    archive       uuidtext NOT NULL,
    start         integer  NOT NULL,
    length        integer  NOT NULL,
    raw_length    integer  NOT NULL,
    sha256        blob     NOT NULL,
    PRIMARY KEY (stream, first_version)
);
CREATE INDEX archive_members_archive ON archive_members (archive, start);

-- What segments were compressed with, so that one ranged read is enough to open a member.
CREATE TABLE dictionaries (
    sha256  blob    NOT NULL PRIMARY KEY,
    content blob    NOT NULL,
    made_at utctext NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now'))
);

-- Copies of archived bodies that are wanted near for a while.
CREATE TABLE restored (
    position integer NOT NULL PRIMARY KEY,
    state    blob    NOT NULL,
    until    utctext NOT NULL
);
CREATE INDEX restored_until ON restored (until);
