-- Personal data lives here and nowhere else: never in a log entry, never at another node.
CREATE TABLE customers (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  -- lower case, spelled as people search
  name_key TEXT NOT NULL,
  document_type TEXT,
  document_number TEXT,
  birth_date TEXT,
  address TEXT,
  contact TEXT,
  -- 1: a set-back lost the data, a person has to enter it again
  incomplete INTEGER NOT NULL DEFAULT 0 CHECK (incomplete IN (0, 1)),
  -- the request of another branch that brought it: asked again, it gets the same customer
  origin TEXT UNIQUE,
  created_at TEXT NOT NULL
) STRICT;
CREATE INDEX customers_by_name ON customers (name_key);

CREATE TABLE billing_accounts (
  id TEXT PRIMARY KEY,
  customer TEXT NOT NULL REFERENCES customers (id),
  currency TEXT NOT NULL CHECK (length(currency) = 3),
  created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE subscribers (
  msisdn TEXT PRIMARY KEY CHECK (length(msisdn) BETWEEN 10 AND 15),
  -- the digits backwards: people know a number by its end
  msisdn_reversed TEXT NOT NULL,
  customer TEXT NOT NULL REFERENCES customers (id),
  billing_account TEXT NOT NULL REFERENCES billing_accounts (id),
  iccid TEXT NOT NULL,
  imsi TEXT NOT NULL,
  rate_plan TEXT NOT NULL,
  services TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('active', 'blocked', 'terminated', 'moved')),
  moved_to TEXT,
  activated_at TEXT NOT NULL,
  CHECK ((status = 'moved') = (moved_to IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX subscribers_by_tail ON subscribers (msisdn_reversed);
CREATE INDEX subscribers_by_customer ON subscribers (customer);
CREATE INDEX subscribers_by_iccid ON subscribers (iccid);

-- What became of a subscriber: who, when, by which operation, before and after.
CREATE TABLE subscriber_changes (
  msisdn TEXT NOT NULL,
  operation_id TEXT NOT NULL,
  what TEXT NOT NULL CHECK (what IN ('start', 'rate-plan', 'services', 'status', 'sim')),
  before TEXT,
  after TEXT NOT NULL,
  actor_name TEXT NOT NULL,
  branch TEXT NOT NULL,
  occurred_at TEXT NOT NULL,
  PRIMARY KEY (msisdn, operation_id, what)
) STRICT, WITHOUT ROWID;

-- Assertions of other branches' people that were used: none works twice.
CREATE TABLE used_assertions (
  jti TEXT PRIMARY KEY,
  expires_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX used_assertions_by_expiry ON used_assertions (expires_at_ms);
