-- Money that came in at this branch; each tender is on exactly one payment.
CREATE TABLE payments (
  operation_id TEXT PRIMARY KEY,
  tender TEXT NOT NULL,
  currency TEXT NOT NULL CHECK (length(currency) = 3),
  amount INTEGER NOT NULL CHECK (amount > 0),
  receipt TEXT NOT NULL UNIQUE,
  -- taken: on its way or credited; suspended: refused, the money waits; the last three are its ends
  disposition TEXT NOT NULL DEFAULT 'taken'
    CHECK (disposition IN ('taken', 'suspended', 'refunded', 'redirected', 'paid-back')),
  cancelled_by TEXT,
  -- the suspended payment whose money this one is
  source TEXT UNIQUE REFERENCES payments (operation_id)
) STRICT;
CREATE INDEX payments_suspended ON payments (operation_id) WHERE disposition = 'suspended';

-- Money that is to leave the desk: at most once for a payment, and only after another node holds the fact.
CREATE TABLE payouts (
  payment_id TEXT PRIMARY KEY REFERENCES payments (operation_id),
  reason TEXT NOT NULL CHECK (reason IN ('refund', 'cancellation')),
  tender TEXT NOT NULL,
  currency TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount > 0),
  state TEXT NOT NULL CHECK (state IN ('held', 'released')),
  recorded_at TEXT NOT NULL,
  released_at TEXT
) STRICT;
CREATE INDEX payouts_held ON payouts (payment_id) WHERE state = 'held';

CREATE TABLE receipt_counters (
  business_date TEXT PRIMARY KEY,
  last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
