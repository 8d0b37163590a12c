-- When each tick ran last, and what came of it.
CREATE TABLE ticks (
    name          text NOT NULL PRIMARY KEY,
    every_seconds real NOT NULL,
    began_at      utctext NOT NULL,
    took_seconds  real NOT NULL,
    done          integer NOT NULL,
    error         text,
    failures      integer NOT NULL,
    heeded        integer NOT NULL,
    host          text NOT NULL
);
