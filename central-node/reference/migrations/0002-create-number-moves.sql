-- Every collected move of a number, in the order of collection: branches' streams come in as they can.
CREATE TABLE number_moves (
  operation_id TEXT PRIMARY KEY,
  msisdn TEXT NOT NULL,
  from_branch TEXT NOT NULL,
  to_branch TEXT NOT NULL
) STRICT;
CREATE INDEX number_moves_by_msisdn ON number_moves (msisdn);

-- Where the moves so far have brought a number; it goes before the draft's ported numbers.
CREATE TABLE moved_numbers (
  msisdn TEXT PRIMARY KEY,
  -- where the directory had it before the first move
  began TEXT NOT NULL,
  branch TEXT NOT NULL
) STRICT, WITHOUT ROWID;
