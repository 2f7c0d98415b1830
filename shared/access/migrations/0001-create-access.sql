CREATE TABLE operators (
  id TEXT PRIMARY KEY,
  login TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  role TEXT NOT NULL,
  disabled INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
  created_at TEXT NOT NULL
) STRICT;

-- A stolen store must not hold usable tokens: only their SHA-256 is kept.
CREATE TABLE sessions (
  token_sha256 TEXT PRIMARY KEY,
  operator_id TEXT NOT NULL REFERENCES operators (id),
  created_at TEXT NOT NULL,
  seen_at TEXT NOT NULL
) STRICT;

CREATE INDEX sessions_by_operator ON sessions (operator_id);

-- By the SHA-256 of what was typed as a login, known or not: people type passwords there.
CREATE TABLE sign_in_tries (
  login_sha256 TEXT PRIMARY KEY,
  count INTEGER NOT NULL,
  last_at TEXT NOT NULL
) STRICT;

CREATE INDEX sign_in_tries_by_time ON sign_in_tries (last_at);

CREATE TABLE audit_entries (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  at TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  actor_name TEXT NOT NULL,
  actor_node TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT,
  outcome TEXT NOT NULL CHECK (outcome IN ('done', 'denied', 'failed')),
  detail TEXT,
  trace_id TEXT
) STRICT;

CREATE INDEX audit_entries_by_actor ON audit_entries (actor_id, position);
CREATE INDEX audit_entries_by_subject ON audit_entries (subject, position) WHERE subject IS NOT NULL;

CREATE TRIGGER audit_entries_are_not_updated BEFORE UPDATE ON audit_entries
BEGIN
  SELECT RAISE(ABORT, 'the audit trail is append-only');
END;

CREATE TRIGGER audit_entries_are_not_deleted BEFORE DELETE ON audit_entries
BEGIN
  SELECT RAISE(ABORT, 'the audit trail is append-only');
END;
