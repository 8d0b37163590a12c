-- Which segment this one takes the place of: the same bodies, enciphered.
ALTER TABLE archives ADD COLUMN replaces uuidtext;

-- Whether each body in this run is enciphered with the key of its stream.
ALTER TABLE archive_members ADD COLUMN secret integer NOT NULL DEFAULT 0;

-- The categories whose bodies a dictionary was made of: pieces of them stand in it as they were.
CREATE TABLE dictionary_sources (
    dictionary blob NOT NULL,
    category   text NOT NULL,
    PRIMARY KEY (dictionary, category)
);
-- Of those that are there it is known from the segments that they open. Nothing was made of what was enciphered.
INSERT INTO dictionary_sources (dictionary, category)
SELECT DISTINCT a.dictionary, e.category
  FROM archives AS a
  JOIN archive_members AS m ON m.archive = a.id
  JOIN events AS e ON e.stream = m.stream AND e.version = m.first_version
 WHERE a.dictionary IS NOT NULL AND e.codec NOT LIKE '%k';
