-- A position of a lost settlement that people no longer wait for: made by one person, approved by another. What becomes of
-- it follows from what the other branch holds.
CREATE TABLE lost_decisions (
  id TEXT NOT NULL UNIQUE,
  settlement_id TEXT NOT NULL REFERENCES settlements (id),
  branch TEXT NOT NULL,
  peer TEXT NOT NULL CHECK (branch < peer),
  -- the one of the two that is not waited for
  without TEXT NOT NULL CHECK (without IN (branch, peer)),
  reason TEXT NOT NULL,
  made_by TEXT NOT NULL,
  made_by_name TEXT NOT NULL,
  made_at TEXT NOT NULL,
  approved_by TEXT CHECK (approved_by <> made_by),
  approved_by_name TEXT,
  approved_at TEXT,
  PRIMARY KEY (settlement_id, branch, peer)
) STRICT, WITHOUT ROWID;
