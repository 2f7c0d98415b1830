CREATE TABLE business_days (
  date TEXT PRIMARY KEY,
  closed_at TEXT NOT NULL,
  closed_by TEXT NOT NULL,
  -- the control totals as they were sent to head office
  totals TEXT NOT NULL
) STRICT, WITHOUT ROWID;
