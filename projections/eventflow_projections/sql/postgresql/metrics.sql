-- create --
-- How many streams entered a status on a day (UTC), and how many left it. Summed up over all days, what entered
-- and did not leave is what stands there.
CREATE TABLE {metrics} (
    category text NOT NULL,
    status   text NOT NULL,
    day      date NOT NULL,
    entered  bigint NOT NULL,
    "left"   bigint NOT NULL,
    PRIMARY KEY (category, status, day)
)

-- create_day --
CREATE INDEX {metrics}_day ON {metrics} (day)

-- add --
-- The primary key is met in its order, so that two writers wait for each other one way only.
INSERT INTO {metrics} AS present (category, status, day, entered, "left")
SELECT *
  FROM unnest(%b::text[], %b::text[], %b::date[], %b::bigint[], %b::bigint[])
    ON CONFLICT (category, status, day) DO UPDATE
   SET entered = present.entered + excluded.entered,
       "left"  = present."left" + excluded."left"
