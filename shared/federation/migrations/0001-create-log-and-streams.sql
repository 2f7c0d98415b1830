-- Every start of this node, in order; one learned from a peer after a set-back has `learned` = 1.
CREATE TABLE node_starts (
  epoch TEXT PRIMARY KEY CHECK (length(epoch) = 32),
  ordinal INTEGER NOT NULL UNIQUE,
  started_at TEXT NOT NULL,
  last_seq INTEGER NOT NULL DEFAULT 0,
  learned INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE log_entries (
  id INTEGER PRIMARY KEY,
  epoch TEXT NOT NULL REFERENCES node_starts (epoch),
  seq INTEGER NOT NULL CHECK (seq > 0),
  entry_id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  operation_id TEXT,
  business_date TEXT NOT NULL,
  -- canonical JSON (RFC 8785); `hash` is its SHA-256
  entry TEXT NOT NULL,
  hash TEXT NOT NULL CHECK (length(hash) = 64),
  UNIQUE (epoch, seq)
) STRICT;
CREATE INDEX log_entries_by_operation ON log_entries (operation_id) WHERE operation_id IS NOT NULL;
CREATE TRIGGER log_entries_stay BEFORE UPDATE ON log_entries
BEGIN SELECT RAISE(ABORT, 'a log entry never changes'); END;

-- Which entries a peer must receive: positions are contiguous from 1 within an epoch.
CREATE TABLE outbound_entries (
  peer TEXT NOT NULL,
  epoch TEXT NOT NULL,
  position INTEGER NOT NULL CHECK (position > 0),
  log_id INTEGER NOT NULL REFERENCES log_entries (id),
  chain TEXT NOT NULL CHECK (length(chain) = 64),
  PRIMARY KEY (peer, epoch, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbound_entries_by_log ON outbound_entries (log_id);

CREATE TABLE outbound_streams (
  peer TEXT NOT NULL,
  epoch TEXT NOT NULL REFERENCES node_starts (epoch),
  -- the highest position of this epoch's stream, and what the peer has acknowledged of it
  position INTEGER NOT NULL DEFAULT 0,
  acknowledged INTEGER NOT NULL DEFAULT 0,
  forked INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (peer, epoch),
  CHECK (acknowledged BETWEEN 0 AND position)
) STRICT, WITHOUT ROWID;

-- Every start of a peer that was heard of; the highest rank is the one that may speak.
CREATE TABLE peer_starts (
  peer TEXT NOT NULL,
  rank INTEGER NOT NULL,
  epoch TEXT NOT NULL,
  PRIMARY KEY (peer, rank),
  UNIQUE (peer, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE inbound_streams (
  peer TEXT NOT NULL,
  epoch TEXT NOT NULL,
  position INTEGER NOT NULL DEFAULT 0,
  chain TEXT NOT NULL,
  seq INTEGER NOT NULL DEFAULT 0,
  forked INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (peer, epoch)
) STRICT, WITHOUT ROWID;

-- What a peer has told, word for word: its off-site copy.
CREATE TABLE inbound_entries (
  peer TEXT NOT NULL,
  epoch TEXT NOT NULL,
  position INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  kind TEXT NOT NULL,
  hash TEXT NOT NULL,
  entry TEXT NOT NULL,
  PRIMARY KEY (peer, epoch, position)
) STRICT;
CREATE TRIGGER inbound_entries_stay BEFORE UPDATE ON inbound_entries
BEGIN SELECT RAISE(ABORT, 'a received entry never changes'); END;

-- The signed head of each batch: proves every entry up to its position to a third party.
CREATE TABLE inbound_heads (
  peer TEXT NOT NULL,
  epoch TEXT NOT NULL,
  position INTEGER NOT NULL,
  head TEXT NOT NULL,
  PRIMARY KEY (peer, epoch, position)
) STRICT, WITHOUT ROWID;

-- One row: is this node sure that it knows everything it ever said?
CREATE TABLE node_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  recovering INTEGER NOT NULL DEFAULT 0,
  reason TEXT,
  since TEXT
) STRICT;
INSERT INTO node_state (id) VALUES (1);

-- What the peers answered to the recovery of this start.
CREATE TABLE recovery_answers (
  epoch TEXT NOT NULL,
  peer TEXT NOT NULL,
  answered_at TEXT NOT NULL,
  PRIMARY KEY (epoch, peer)
) STRICT, WITHOUT ROWID;

-- This node's own entries that a backup had lost, as peers gave them back, with who holds each.
CREATE TABLE recovered_entries (
  epoch TEXT NOT NULL,
  seq INTEGER NOT NULL,
  hash TEXT NOT NULL,
  entry TEXT NOT NULL,
  holders TEXT NOT NULL,
  applied INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (epoch, seq)
) STRICT;

-- Two people may end a recovery that a dead peer holds up.
CREATE TABLE recovery_overrides (
  epoch TEXT NOT NULL,
  operator TEXT NOT NULL,
  reason TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (epoch, operator)
) STRICT, WITHOUT ROWID;
