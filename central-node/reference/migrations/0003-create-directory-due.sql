-- Who the members are has changed, and a release has to say so at once.
CREATE TABLE directory_due (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  revision INTEGER NOT NULL,
  actor TEXT NOT NULL,
  -- JSON: the releases that are still to be made again with it, once that has begun.
  bases TEXT
) STRICT;
