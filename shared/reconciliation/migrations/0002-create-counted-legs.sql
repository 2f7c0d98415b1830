-- Every leg that is in the control totals, by the minute in which its operation's id was made: the two sides of a date
-- that differs are compared minute by minute, and leg by leg only where a minute differs.
CREATE TABLE counted_legs (
  branch TEXT NOT NULL,
  business_date TEXT NOT NULL,
  minute INTEGER NOT NULL,
  operation_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  point TEXT NOT NULL,
  fingerprint TEXT NOT NULL CHECK (length(fingerprint) = 32),
  PRIMARY KEY (branch, business_date, minute, operation_id, attempt, point)
) STRICT, WITHOUT ROWID;

CREATE TABLE leg_minutes (
  branch TEXT NOT NULL,
  business_date TEXT NOT NULL,
  minute INTEGER NOT NULL,
  count INTEGER NOT NULL,
  h0 INTEGER NOT NULL,
  h1 INTEGER NOT NULL,
  h2 INTEGER NOT NULL,
  h3 INTEGER NOT NULL,
  PRIMARY KEY (branch, business_date, minute)
) STRICT, WITHOUT ROWID;
