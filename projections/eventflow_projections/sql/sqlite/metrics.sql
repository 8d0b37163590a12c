-- create --
-- How many streams entered a status on a day (UTC), and how many left it. Summed up over all days, what entered
-- and did not leave is what stands there.
CREATE TABLE {metrics} (
    category text NOT NULL,
    status   text NOT NULL,
    day      text NOT NULL,
    entered  integer NOT NULL,
    "left"   integer NOT NULL,
    PRIMARY KEY (category, status, day)
) WITHOUT ROWID

-- create_day --
CREATE INDEX {metrics}_day ON {metrics} (day)

-- add --
INSERT INTO {metrics} AS present (category, status, day, entered, "left")
VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (category, status, day) DO UPDATE
   SET entered = present.entered + excluded.entered,
       "left"  = present."left" + excluded."left"
