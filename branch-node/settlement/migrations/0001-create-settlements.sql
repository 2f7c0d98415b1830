-- What head office has settled for this branch, and whether this branch's own books say the same.
CREATE TABLE settlements (
  id TEXT PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('received', 'confirmed', 'disputed')),
  currency TEXT NOT NULL,
  -- the body of settlement.completed
  told TEXT NOT NULL,
  received_at TEXT NOT NULL,
  -- how far the obligations have been fetched; '' at the beginning
  fetched TEXT NOT NULL DEFAULT '',
  decided_at TEXT,
  faults TEXT NOT NULL DEFAULT '[]'
) STRICT;
CREATE INDEX settlements_to_check ON settlements (id) WHERE state = 'received';

-- The obligations of each settlement as head office lists them, checked one by one.
CREATE TABLE settlement_obligations (
  settlement_id TEXT NOT NULL REFERENCES settlements (id),
  operation_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  kind TEXT NOT NULL,
  peer TEXT NOT NULL,
  direction TEXT NOT NULL CHECK (direction IN ('owes', 'receives')),
  gross INTEGER NOT NULL CHECK (gross >= 0),
  commission INTEGER NOT NULL CHECK (commission >= 0),
  fee INTEGER NOT NULL CHECK (fee >= 0),
  net INTEGER NOT NULL,
  -- why this branch's books do not agree
  fault TEXT,
  settled INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (settlement_id, operation_id, attempt)
) STRICT, WITHOUT ROWID;
-- An operation is settled once, whatever head office says.
CREATE UNIQUE INDEX settlement_obligations_once
  ON settlement_obligations (operation_id, attempt) WHERE settled = 1;

-- Mismatch cases that concern this branch, as head office tells them.
CREATE TABLE cases (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'adjusted', 'closed')),
  operation_id TEXT,
  detail TEXT NOT NULL,
  opened_at TEXT NOT NULL,
  -- JSON: the body of case.adjusted
  adjustment TEXT,
  resolution TEXT,
  closed_at TEXT
) STRICT;
