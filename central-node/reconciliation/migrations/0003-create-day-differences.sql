-- The legs in which a branch's control totals of a date differ from head office's, as they were last looked for.
CREATE TABLE day_searches (
  branch TEXT NOT NULL,
  business_date TEXT NOT NULL,
  searched_at TEXT NOT NULL,
  -- 0: there may be more than was found
  whole INTEGER NOT NULL CHECK (whole IN (0, 1)),
  PRIMARY KEY (branch, business_date)
) STRICT, WITHOUT ROWID;

CREATE TABLE day_differences (
  branch TEXT NOT NULL,
  business_date TEXT NOT NULL,
  operation_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  point TEXT NOT NULL,
  held_by TEXT NOT NULL CHECK (held_by IN ('branch', 'head-office', 'both')),
  PRIMARY KEY (branch, business_date, operation_id, attempt, point)
) STRICT, WITHOUT ROWID;
