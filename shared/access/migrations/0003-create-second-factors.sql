-- One-time passwords need the secret itself. The step of the last code that was taken: none is taken twice.
CREATE TABLE second_factors (
  operator_id TEXT PRIMARY KEY REFERENCES operators (id),
  secret TEXT NOT NULL,
  last_step INTEGER NOT NULL
) STRICT;

-- 128 random bits each, so that a plain hash is enough; a code that was used is gone.
CREATE TABLE recovery_codes (
  code_sha256 TEXT PRIMARY KEY,
  operator_id TEXT NOT NULL REFERENCES operators (id)
) STRICT;

CREATE INDEX recovery_codes_by_operator ON recovery_codes (operator_id);

-- The address that a session was opened from; NULL for one of before.
ALTER TABLE sessions ADD COLUMN source TEXT;
