-- What this branch accepted, as the serving branch.
CREATE TABLE operations (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  home TEXT NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 1 CHECK (attempt BETWEEN 1 AND 3),
  msisdn TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('accepted', 'concluded')),
  outcome TEXT CHECK (outcome IN ('executed', 'refused')),
  reason TEXT,
  actor_id TEXT NOT NULL,
  actor_name TEXT NOT NULL,
  business_date TEXT NOT NULL,
  occurred_at TEXT NOT NULL,
  concluded_at TEXT,
  release INTEGER NOT NULL,
  request TEXT NOT NULL,
  details TEXT NOT NULL,
  result TEXT,
  CHECK ((state = 'concluded') = (outcome IS NOT NULL))
) STRICT;
CREATE INDEX operations_by_msisdn ON operations (msisdn, id);
CREATE INDEX operations_by_date ON operations (business_date, kind);
CREATE INDEX operations_waiting ON operations (home, id) WHERE state = 'accepted';

-- What this branch decided, as the home branch; once for each attempt, executed at most once.
CREATE TABLE decisions (
  operation_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  kind TEXT NOT NULL,
  serving TEXT NOT NULL,
  msisdn TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('executed', 'refused')),
  decision TEXT NOT NULL,
  operation TEXT NOT NULL,
  -- the home branch's own business date
  business_date TEXT NOT NULL,
  decided_at TEXT NOT NULL,
  PRIMARY KEY (operation_id, attempt)
) STRICT;
CREATE UNIQUE INDEX decisions_executed_once ON decisions (operation_id) WHERE outcome = 'executed';
CREATE INDEX decisions_by_msisdn ON decisions (msisdn, operation_id);
CREATE INDEX decisions_by_date ON decisions (business_date, kind);

-- An operation that its cancellation overtook: it will be refused when it comes.
CREATE TABLE tombstones (
  operation_id TEXT PRIMARY KEY,
  cancelled_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;
