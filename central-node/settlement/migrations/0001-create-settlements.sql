CREATE TABLE settlement_windows (
  id TEXT PRIMARY KEY,
  currency TEXT NOT NULL CHECK (length(currency) = 3),
  state TEXT NOT NULL
    CHECK (state IN ('OPEN', 'CLOSED', 'PENDING_SETTLEMENT', 'SETTLED', 'ABORTED')),
  opened_at TEXT NOT NULL,
  closed_at TEXT
) STRICT;
CREATE UNIQUE INDEX settlement_windows_one_open ON settlement_windows (currency)
  WHERE state = 'OPEN';

-- What one branch owes another from one operation, once for ever.
CREATE TABLE obligations (
  id INTEGER PRIMARY KEY,
  -- of an adjustment: the case
  operation_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  kind TEXT NOT NULL,
  -- none while a case holds it
  window_id TEXT REFERENCES settlement_windows (id),
  debtor TEXT NOT NULL,
  creditor TEXT NOT NULL,
  currency TEXT NOT NULL,
  gross INTEGER NOT NULL CHECK (gross >= 0),
  commission INTEGER NOT NULL CHECK (commission >= 0),
  fee INTEGER NOT NULL CHECK (fee >= 0),
  net INTEGER NOT NULL CHECK (net >= 0 AND net = gross - commission + fee),
  business_date TEXT NOT NULL,
  case_id TEXT,
  UNIQUE (operation_id, attempt),
  CHECK (debtor <> creditor),
  CHECK (window_id IS NOT NULL OR case_id IS NOT NULL)
) STRICT;
CREATE INDEX obligations_by_window ON obligations (window_id, id);
CREATE INDEX obligations_in_case ON obligations (case_id) WHERE case_id IS NOT NULL;

-- Kept as obligations come: closing and settling a window reads these, not the obligations.
CREATE TABLE obligation_sums (
  window_id TEXT NOT NULL REFERENCES settlement_windows (id),
  debtor TEXT NOT NULL,
  creditor TEXT NOT NULL,
  kind TEXT NOT NULL,
  count INTEGER NOT NULL CHECK (count >= 0),
  gross INTEGER NOT NULL,
  commission INTEGER NOT NULL,
  fee INTEGER NOT NULL,
  net INTEGER NOT NULL,
  PRIMARY KEY (window_id, debtor, creditor, kind)
) STRICT, WITHOUT ROWID;

-- What a branch is owed by all others and not paid yet; negative: what it owes. Measured against its cap.
CREATE TABLE branch_exposures (
  branch TEXT NOT NULL,
  currency TEXT NOT NULL,
  net INTEGER NOT NULL,
  PRIMARY KEY (branch, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE settlements (
  id TEXT PRIMARY KEY,
  currency TEXT NOT NULL,
  model TEXT NOT NULL CHECK (model IN ('multilateral', 'bilateral')),
  state TEXT NOT NULL CHECK (state IN ('PENDING_SETTLEMENT', 'SETTLED', 'ABORTED')),
  made_by TEXT NOT NULL,
  made_by_name TEXT NOT NULL,
  made_at TEXT NOT NULL,
  decided_by TEXT,
  decided_by_name TEXT,
  decided_at TEXT,
  CHECK ((state = 'PENDING_SETTLEMENT') = (decided_by IS NULL)),
  -- two people: the schema refuses what the code forgot
  CHECK (state <> 'SETTLED' OR made_by <> decided_by)
) STRICT;

CREATE TABLE settlement_members (
  settlement_id TEXT NOT NULL REFERENCES settlements (id),
  window_id TEXT NOT NULL REFERENCES settlement_windows (id),
  PRIMARY KEY (settlement_id, window_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE settlement_positions (
  settlement_id TEXT NOT NULL REFERENCES settlements (id),
  branch TEXT NOT NULL,
  peer TEXT NOT NULL,
  count INTEGER NOT NULL,
  gross INTEGER NOT NULL,
  commission INTEGER NOT NULL,
  fees INTEGER NOT NULL,
  net INTEGER NOT NULL CHECK (net = gross + commission + fees),
  PRIMARY KEY (settlement_id, branch, peer)
) STRICT, WITHOUT ROWID;

CREATE TABLE settlement_answers (
  settlement_id TEXT NOT NULL,
  branch TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('confirmed', 'disputed')),
  detail TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (settlement_id, branch)
) STRICT, WITHOUT ROWID;
