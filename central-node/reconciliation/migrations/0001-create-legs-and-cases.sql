-- What every branch told of every point of an operation, the first time that it told it.
CREATE TABLE legs (
  operation_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  point TEXT NOT NULL CHECK (point IN ('accepted', 'executed', 'refused', 'concluded')),
  branch TEXT NOT NULL,
  kind TEXT NOT NULL,
  serving TEXT NOT NULL,
  home TEXT NOT NULL,
  msisdn TEXT NOT NULL,
  business_date TEXT NOT NULL,
  operation_date TEXT NOT NULL,
  amount INTEGER,
  currency TEXT,
  -- of a conclusion: what it says was decided
  outcome TEXT CHECK (outcome IN ('executed', 'refused')),
  -- of an execution: what its price depends on
  facts TEXT,
  received_at TEXT NOT NULL,
  PRIMARY KEY (operation_id, attempt, point, branch),
  CHECK ((amount IS NULL) = (currency IS NULL))
) STRICT, WITHOUT ROWID;

-- An operation (one attempt of it) as its legs together show it.
CREATE TABLE collected_operations (
  operation_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  kind TEXT NOT NULL,
  serving TEXT NOT NULL,
  home TEXT NOT NULL,
  operation_date TEXT NOT NULL,
  amount INTEGER NOT NULL,
  -- '' for an operation without money
  currency TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'matched', 'refused', 'case', 'adjusted')),
  -- a branch told the same point twice, and differently
  contradicted INTEGER NOT NULL DEFAULT 0,
  since TEXT NOT NULL,
  case_id TEXT,
  PRIMARY KEY (operation_id, attempt),
  CHECK ((state = 'case') = (case_id IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX collected_operations_open ON collected_operations (since) WHERE state = 'open';
CREATE INDEX collected_operations_by_date
  ON collected_operations (operation_date, operation_id, attempt);

-- How a date stands, kept as the legs come.
CREATE TABLE operation_counts (
  operation_date TEXT NOT NULL,
  serving TEXT NOT NULL,
  home TEXT NOT NULL,
  kind TEXT NOT NULL,
  currency TEXT NOT NULL,
  state TEXT NOT NULL,
  count INTEGER NOT NULL CHECK (count >= 0),
  sum INTEGER NOT NULL,
  PRIMARY KEY (operation_date, serving, home, kind, currency, state)
) STRICT, WITHOUT ROWID;

-- A branch's own control totals of a date that it has closed.
CREATE TABLE day_closings (
  branch TEXT NOT NULL,
  business_date TEXT NOT NULL,
  totals TEXT NOT NULL,
  epoch TEXT NOT NULL,
  seq INTEGER NOT NULL,
  received_at TEXT NOT NULL,
  PRIMARY KEY (branch, business_date)
) STRICT;

CREATE TABLE cases (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  state TEXT NOT NULL
    CHECK (state IN ('detected', 'notified', 'explained', 'adjusted', 'closed')),
  operation_id TEXT,
  attempt INTEGER,
  -- JSON list of codes
  branches TEXT NOT NULL,
  detail TEXT NOT NULL,
  opened_at TEXT NOT NULL,
  explanation TEXT,
  -- JSON: what is to be owed, by whom and why
  proposal TEXT,
  proposed_by TEXT,
  approved_by TEXT,
  resolution TEXT,
  closed_at TEXT,
  CHECK ((state = 'closed') = (closed_at IS NOT NULL)),
  -- two people: the schema refuses what the code forgot
  CHECK (approved_by IS NULL OR approved_by <> proposed_by)
) STRICT;
CREATE UNIQUE INDEX cases_one_open ON cases (subject) WHERE state <> 'closed';
CREATE INDEX cases_by_subject ON cases (subject);

CREATE TABLE case_steps (
  id INTEGER PRIMARY KEY,
  case_id TEXT NOT NULL REFERENCES cases (id),
  state TEXT NOT NULL,
  at TEXT NOT NULL,
  -- nobody's for what head office's node does by itself
  actor TEXT,
  note TEXT NOT NULL
) STRICT;
CREATE INDEX case_steps_by_case ON case_steps (case_id, id);
