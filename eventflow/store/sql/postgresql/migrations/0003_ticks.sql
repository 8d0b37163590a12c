-- When each tick ran last, and what came of it.
CREATE TABLE ticks (
    name          text NOT NULL PRIMARY KEY,
    every_seconds double precision NOT NULL,
    began_at      timestamptz NOT NULL,
    took_seconds  double precision NOT NULL,
    done          bigint NOT NULL,
    error         text,
    failures      integer NOT NULL,
    heeded        bigint NOT NULL,
    host          text NOT NULL
);
