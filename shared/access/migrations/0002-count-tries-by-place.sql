-- Failed sign-ins by gate: a login ('' is every login) at a place ('' is every place). Logins only as SHA-256 of what
-- was typed, known or not: people type passwords there. A lockout of before this migration is forgotten.
DROP TABLE sign_in_tries;

CREATE TABLE sign_in_counts (
  login_sha256 TEXT NOT NULL,
  place TEXT NOT NULL,
  count INTEGER NOT NULL,
  since_ms INTEGER NOT NULL,
  PRIMARY KEY (login_sha256, place)
) STRICT;

CREATE INDEX sign_in_counts_by_time ON sign_in_counts (since_ms);

-- Where an operator has signed in from: strangers cannot lock him out there.
CREATE TABLE known_places (
  operator_id TEXT NOT NULL REFERENCES operators (id),
  place TEXT NOT NULL,
  seen_at TEXT NOT NULL,
  PRIMARY KEY (operator_id, place)
) STRICT;

-- Set by somebody else, to be replaced at the first sign-in before this time; NULL for one of the operator's own.
ALTER TABLE operators ADD COLUMN temporary_until TEXT;
