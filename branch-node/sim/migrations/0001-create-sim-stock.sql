CREATE TABLE sim_cards (
  iccid TEXT PRIMARY KEY CHECK (length(iccid) BETWEEN 19 AND 20),
  imsi TEXT NOT NULL CHECK (length(imsi) BETWEEN 14 AND 15),
  state TEXT NOT NULL CHECK (state IN ('in-stock', 'reserved', 'in-use', 'retired', 'transferred')),
  -- the operation that a reserved card waits for
  reserved_for TEXT,
  received_at TEXT NOT NULL,
  changed_at TEXT NOT NULL,
  CHECK ((state = 'reserved') = (reserved_for IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX sim_cards_by_imsi ON sim_cards (imsi);
CREATE INDEX sim_cards_by_state ON sim_cards (state, iccid);

-- The pool of numbers that this branch gives to its subscribers.
CREATE TABLE numbers (
  msisdn TEXT PRIMARY KEY CHECK (length(msisdn) BETWEEN 10 AND 15),
  state TEXT NOT NULL CHECK (state IN ('free', 'reserved', 'in-use')),
  -- the customer who chose it; until then nobody else gets it
  reserved_for TEXT,
  reserved_until TEXT,
  received_at TEXT NOT NULL,
  CHECK ((state = 'reserved') = (reserved_for IS NOT NULL)),
  CHECK ((state = 'reserved') = (reserved_until IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX numbers_by_state ON numbers (state, msisdn);
CREATE INDEX numbers_reserved ON numbers (reserved_until) WHERE state = 'reserved';
CREATE INDEX numbers_reserved_for ON numbers (reserved_for) WHERE state = 'reserved';
