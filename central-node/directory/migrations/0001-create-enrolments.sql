-- Only the hash of a token is kept: who reads this table cannot enrol with it.
CREATE TABLE enrolment_tokens (
  secret_sha256 TEXT PRIMARY KEY CHECK (length(secret_sha256) = 64),
  code TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  used_at TEXT
) STRICT;

CREATE INDEX enrolment_tokens_by_code ON enrolment_tokens (code);

-- Keys are unique over all branches, past ones too: no node may ever pass for another.
CREATE TABLE enrolled_branches (
  code TEXT PRIMARY KEY CHECK (code GLOB '[A-Z]*' AND code <> 'HQ'),
  peer_url TEXT NOT NULL,
  front_url TEXT NOT NULL,
  signing_key_x TEXT NOT NULL UNIQUE,
  tls_key_sha256 TEXT NOT NULL UNIQUE,
  enrolled_at TEXT NOT NULL,
  revoked_at TEXT
) STRICT;

CREATE TABLE issued_certificates (
  serial TEXT PRIMARY KEY,
  code TEXT NOT NULL REFERENCES enrolled_branches (code),
  tls_key_sha256 TEXT NOT NULL,
  not_before TEXT NOT NULL,
  not_after TEXT NOT NULL,
  revoked_at TEXT
) STRICT;

CREATE INDEX issued_certificates_by_code ON issued_certificates (code, not_after);
