-- A payout that a peer gave back after a set-back may have left the desk, and one whose money went another way does not.
CREATE TABLE payouts_by_state (
  payment_id TEXT PRIMARY KEY REFERENCES payments (operation_id),
  reason TEXT NOT NULL CHECK (reason IN ('refund', 'cancellation')),
  tender TEXT NOT NULL,
  currency TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount > 0),
  state TEXT NOT NULL CHECK (state IN ('held', 'released', 'presumed-paid', 'withdrawn')),
  recorded_at TEXT NOT NULL,
  released_at TEXT
) STRICT;
INSERT INTO payouts_by_state
SELECT payment_id, reason, tender, currency, amount, state, recorded_at, released_at FROM payouts;
DROP TABLE payouts;
ALTER TABLE payouts_by_state RENAME TO payouts;
CREATE INDEX payouts_held ON payouts (payment_id) WHERE state = 'held';
