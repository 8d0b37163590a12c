-- create --
-- One row per run: where it stands. created_position never changes, which makes it the key to page by. steps and done
-- are lists as JSON: what follows a step is told by them.
CREATE TABLE {runs} (
    stream           uuid PRIMARY KEY,
    process          text NOT NULL,
    definition       integer NOT NULL,
    channel          text NOT NULL,
    status           text NOT NULL,
    version          bigint NOT NULL,
    position         bigint NOT NULL,
    created_position bigint NOT NULL,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    steps            text NOT NULL,
    done             text NOT NULL,
    step             text,
    attempts         integer NOT NULL,
    subject          text,
    key              text,
    parent           uuid,
    deadline         timestamptz,
    phase            text,
    due              timestamptz,
    started_at       timestamptz,
    ended_at         timestamptz,
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
    amount  bigint NOT NULL,
    PRIMARY KEY (process, channel, status)
)

-- create_days --
-- Of each day (UTC): how many runs began, and the highest number that an attempt of a step had.
CREATE TABLE {run_days} (
    process  text NOT NULL,
    channel  text NOT NULL,
    day      date NOT NULL,
    begun    bigint NOT NULL,
    attempts integer NOT NULL,
    PRIMARY KEY (process, channel, day)
)

-- create_day --
CREATE INDEX {run_days}_day ON {run_days} (day)

-- present --
-- The rows that a batch goes on from.
SELECT stream, process, definition, channel, status, version, position, created_position, created_at, updated_at,
       steps, done, step, attempts, subject, key, parent, deadline, phase, due, started_at, ended_at, error,
       message, started_by, actor, tenant
  FROM {runs}
 WHERE stream IN (SELECT value::uuid FROM json_array_elements_text(%(streams)s::json) AS value)

-- put --
INSERT INTO {runs}
      (stream, process, definition, channel, status, version, position, created_position, created_at, updated_at,
       steps, done, step, attempts, subject, key, parent, deadline, phase, due, started_at, ended_at, error,
       message, started_by, actor, tenant)
SELECT *
  FROM unnest(%b::uuid[], %b::text[], %b::integer[], %b::text[], %b::text[], %b::bigint[], %b::bigint[],
              %b::bigint[], %b::timestamptz[], %b::timestamptz[], %b::text[], %b::text[], %b::text[], %b::integer[],
              %b::text[], %b::text[], %b::uuid[], %b::timestamptz[], %b::text[], %b::timestamptz[],
              %b::timestamptz[], %b::timestamptz[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[])
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
SELECT *
  FROM unnest(%b::text[], %b::text[], %b::text[], %b::bigint[])
    ON CONFLICT (process, channel, status) DO UPDATE
   SET amount = present.amount + excluded.amount

-- day --
INSERT INTO {run_days} AS present (process, channel, day, begun, attempts)
SELECT *
  FROM unnest(%b::text[], %b::text[], %b::date[], %b::bigint[], %b::integer[])
    ON CONFLICT (process, channel, day) DO UPDATE
   SET begun    = present.begun + excluded.begun,
       attempts = greatest(present.attempts, excluded.attempts)
