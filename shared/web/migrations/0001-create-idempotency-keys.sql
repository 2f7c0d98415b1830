-- What was answered under a key, written in the transaction that did it. Rows are added in the order of time, so the
-- oldest are found by rowid.
CREATE TABLE idempotency_keys (
  principal TEXT NOT NULL,
  request TEXT NOT NULL,
  key TEXT NOT NULL,
  body_sha256 TEXT NOT NULL,
  status INTEGER NOT NULL,
  answer TEXT NOT NULL,
  stored_at TEXT NOT NULL,
  PRIMARY KEY (principal, request, key)
) STRICT;
