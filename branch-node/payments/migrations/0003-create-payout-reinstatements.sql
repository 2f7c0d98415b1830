-- Who has counted the cash and found that a payout which is presumed paid never left the desk: two people release it.
CREATE TABLE payout_reinstatements (
  payment_id TEXT NOT NULL REFERENCES payouts (payment_id),
  operator TEXT NOT NULL,
  reason TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (payment_id, operator)
) STRICT, WITHOUT ROWID;
CREATE INDEX payouts_presumed_paid ON payouts (payment_id) WHERE state = 'presumed-paid';
