-- The next release as it is given to the holders of release keys to sign; whole, whatever becomes of the draft.
CREATE TABLE prepared_release (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  -- JSON: the manifest without approvals
  manifest TEXT NOT NULL,
  -- JSON: texts of the data sets by their SHA-256
  contents TEXT NOT NULL,
  -- JSON list of JWS
  approvals TEXT NOT NULL DEFAULT '[]',
  prepared_by TEXT NOT NULL
) STRICT;
