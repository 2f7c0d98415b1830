-- Windows of settlements that head office had completed and lost with a backup, until what was settled in them is back
-- from the branches.
CREATE TABLE lost_windows (
  settlement_id TEXT NOT NULL REFERENCES settlements (id),
  window_id TEXT NOT NULL REFERENCES settlement_windows (id),
  -- the backup has its closing: its net positions stand on the branches' accounts
  recorded INTEGER NOT NULL CHECK (recorded IN (0, 1)),
  PRIMARY KEY (settlement_id, window_id)
) STRICT, WITHOUT ROWID;

-- What was settled in them, as the branches' books say.
CREATE TABLE lost_obligations (
  operation_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  settlement_id TEXT NOT NULL REFERENCES settlements (id),
  window_id TEXT NOT NULL REFERENCES settlement_windows (id),
  branch TEXT NOT NULL,
  peer TEXT NOT NULL CHECK (branch < peer),
  PRIMARY KEY (operation_id, attempt)
) STRICT, WITHOUT ROWID;
CREATE INDEX lost_obligations_by_settlement ON lost_obligations (settlement_id, branch, peer);
