-- What HQ's people edit; the releases made of it are in the tables of shared/reference.
CREATE TABLE reference_drafts (
  dataset TEXT PRIMARY KEY,
  content TEXT NOT NULL,
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64)
) STRICT;

-- Counts every change, so that a publication knows whether anything moved while it was signed.
CREATE TABLE reference_draft_state (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  revision INTEGER NOT NULL
) STRICT;

INSERT INTO reference_draft_state (one, revision) VALUES (1, 0);

-- Where a branch is and who it is: written by its enrolment, never by hand.
CREATE TABLE branch_identities (
  code TEXT PRIMARY KEY,
  peer_url TEXT NOT NULL,
  front_url TEXT NOT NULL,
  signing_key TEXT NOT NULL,
  tls_key_sha256 TEXT NOT NULL CHECK (length(tls_key_sha256) = 64),
  revoked_serials TEXT NOT NULL,
  active INTEGER NOT NULL CHECK (active IN (0, 1))
) STRICT;

CREATE TABLE publications (
  version INTEGER PRIMARY KEY,
  actor TEXT NOT NULL,
  published_at TEXT NOT NULL,
  effective_from TEXT NOT NULL
) STRICT;
