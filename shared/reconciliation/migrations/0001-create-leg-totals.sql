-- Control totals of a business date, kept as the legs come: closing a date reads them, it does not count.
CREATE TABLE leg_totals (
  branch TEXT NOT NULL,
  business_date TEXT NOT NULL,
  kind TEXT NOT NULL,
  point TEXT NOT NULL,
  direction TEXT NOT NULL,
  peer TEXT NOT NULL,
  -- '' for operations without money
  currency TEXT NOT NULL,
  count INTEGER NOT NULL,
  sum INTEGER NOT NULL,
  -- order-independent fingerprint: each limb is the sum of the legs' limbs modulo 2^32
  h0 INTEGER NOT NULL,
  h1 INTEGER NOT NULL,
  h2 INTEGER NOT NULL,
  h3 INTEGER NOT NULL,
  PRIMARY KEY (branch, business_date, kind, point, direction, peer, currency)
) STRICT, WITHOUT ROWID;
