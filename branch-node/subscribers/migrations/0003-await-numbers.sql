-- What comes back after a set-back about a number whose arrival is not known again yet: it waits for that, in its order.
CREATE TABLE awaited_changes (
  number INTEGER PRIMARY KEY,
  msisdn TEXT NOT NULL,
  -- the decision that changed the subscriber, and what it made of him
  operation TEXT NOT NULL,
  changed TEXT NOT NULL
) STRICT;
CREATE INDEX awaited_changes_by_msisdn ON awaited_changes (msisdn, number);
