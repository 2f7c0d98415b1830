-- The position with this branch as the other branch of it confirmed it: both must have been told the same.
CREATE TABLE settlement_mirrors (
  settlement_id TEXT NOT NULL,
  peer TEXT NOT NULL,
  count INTEGER NOT NULL,
  net INTEGER NOT NULL,
  PRIMARY KEY (settlement_id, peer)
) STRICT, WITHOUT ROWID;
