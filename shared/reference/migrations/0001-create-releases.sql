-- What HQ signed, as it came and as it reads; a release once stored never changes.
CREATE TABLE releases (
  version INTEGER PRIMARY KEY CHECK (version > 0),
  jws TEXT NOT NULL,
  jws_sha256 TEXT NOT NULL CHECK (length(jws_sha256) = 64),
  manifest TEXT NOT NULL,
  effective_from TEXT NOT NULL,
  applied_at TEXT NOT NULL
) STRICT;

CREATE TABLE dataset_contents (
  sha256 TEXT PRIMARY KEY CHECK (length(sha256) = 64),
  content TEXT NOT NULL
) STRICT;

-- HQ's last word on which release is the latest, and when it last named the one we hold.
CREATE TABLE latest_statement (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  version INTEGER NOT NULL,
  manifest_sha256 TEXT NOT NULL,
  issued_at TEXT NOT NULL,
  accepted_at TEXT NOT NULL,
  confirmed_at TEXT
) STRICT;
