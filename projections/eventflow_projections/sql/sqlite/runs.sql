-- create --
-- One row per run: where it stands. created_position never changes, which makes it the key to page by. steps and done
-- are lists as JSON: what follows a step is told by them.
CREATE TABLE {runs} (
    stream           uuidtext PRIMARY KEY NOT NULL,
    process          text NOT NULL,
    definition       integer NOT NULL,
    channel          text NOT NULL,
    status           text NOT NULL,
    version          integer NOT NULL,
    position         integer NOT NULL,
    created_position integer NOT NULL,
    created_at       utctext NOT NULL,
    updated_at       utctext NOT NULL,
    steps            text NOT NULL,
    done             text NOT NULL,
    step             text,
    attempts         integer NOT NULL,
    subject          text,
    key              text,
    parent           uuidtext,
    deadline         utctext,
    phase            text,
    due              utctext,
    started_at       utctext,
    ended_at         utctext,
    error            text,
    message          text,
    started_by       text,
    actor            text,
    tenant           text
)

-- create_order --
CREATE UNIQUE INDEX {runs}_order ON {runs} (created_position)

-- create_status --
-- What stands where in a channel: the fatal errors of one, above all.
CREATE INDEX {runs}_status ON {runs} (channel, status, created_position)

-- create_process --
CREATE INDEX {runs}_process ON {runs} (process, status, created_position)

-- create_subject --
CREATE INDEX {runs}_subject ON {runs} (subject) WHERE subject IS NOT NULL

-- create_parent --
CREATE INDEX {runs}_parent ON {runs} (parent) WHERE parent IS NOT NULL

-- create_counts --
-- How many runs of a process stand in a status of a channel.
CREATE TABLE {run_counts} (
    process text NOT NULL,
    channel text NOT NULL,
    status  text NOT NULL,
    amount  integer NOT NULL,
    PRIMARY KEY (process, channel, status)
) WITHOUT ROWID

-- create_days --
-- Of each day (UTC): how many runs began, and the highest number that an attempt of a step had.
CREATE TABLE {run_days} (
    process  text NOT NULL,
    channel  text NOT NULL,
    day      text NOT NULL,
    begun    integer NOT NULL,
    attempts integer NOT NULL,
    PRIMARY KEY (process, channel, day)
) WITHOUT ROWID

-- create_day --
CREATE INDEX {run_days}_day ON {run_days} (day)

-- present --
-- The rows that a batch goes on from.
SELECT stream, process, definition, channel, status, version, position, created_position, created_at, updated_at,
       steps, done, step, attempts, subject, key, parent, deadline, phase, due, started_at, ended_at, error,
       message, started_by, actor, tenant
  FROM {runs}
 WHERE stream IN (SELECT value FROM json_each(:streams))

-- put --
INSERT INTO {runs}
      (stream, process, definition, channel, status, version, position, created_position, created_at, updated_at,
       steps, done, step, attempts, subject, key, parent, deadline, phase, due, started_at, ended_at, error,
       message, started_by, actor, tenant)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (stream) DO UPDATE
   SET process    = excluded.process,
       definition = excluded.definition,
       channel    = excluded.channel,
       status     = excluded.status,
       version    = excluded.version,
       position   = excluded.position,
       updated_at = excluded.updated_at,
       steps      = excluded.steps,
       done       = excluded.done,
       step       = excluded.step,
       attempts   = excluded.attempts,
       subject    = excluded.subject,
       key        = excluded.key,
       parent     = excluded.parent,
       deadline   = excluded.deadline,
       phase      = excluded.phase,
       due        = excluded.due,
       started_at = excluded.started_at,
       ended_at   = excluded.ended_at,
       error      = excluded.error,
       message    = excluded.message,
       started_by = excluded.started_by,
       actor      = excluded.actor,
       tenant     = excluded.tenant

-- count --
INSERT INTO {run_counts} AS present (process, channel, status, amount)
VALUES (?, ?, ?, ?)
    ON CONFLICT (process, channel, status) DO UPDATE
   SET amount = present.amount + excluded.amount

-- day --
INSERT INTO {run_days} AS present (process, channel, day, begun, attempts)
VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (process, channel, day) DO UPDATE
   SET begun    = present.begun + excluded.begun,
       attempts = max(present.attempts, excluded.attempts)
