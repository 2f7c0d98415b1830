-- A debit is positive, a credit negative. Limits stand in the schema: no code path can pass them.
CREATE TABLE ledger_accounts (
  id INTEGER PRIMARY KEY,
  code TEXT NOT NULL CHECK (length(code) BETWEEN 1 AND 80),
  currency TEXT NOT NULL CHECK (length(currency) = 3),
  balance INTEGER NOT NULL DEFAULT 0,
  -- the highest debit balance; 0 keeps a liability from turning into a claim
  ceiling INTEGER,
  CONSTRAINT ledger_account_ceiling CHECK (ceiling IS NULL OR balance <= ceiling),
  UNIQUE (code, currency)
) STRICT;

CREATE TABLE ledger_entries (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  operation_id TEXT NOT NULL,
  business_date TEXT NOT NULL,
  recorded_at TEXT NOT NULL
) STRICT;
CREATE INDEX ledger_entries_by_operation ON ledger_entries (operation_id);

CREATE TABLE ledger_postings (
  entry INTEGER NOT NULL REFERENCES ledger_entries (id),
  account INTEGER NOT NULL REFERENCES ledger_accounts (id),
  amount INTEGER NOT NULL CHECK (amount <> 0),
  PRIMARY KEY (account, entry)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_postings_by_entry ON ledger_postings (entry);

CREATE TRIGGER ledger_entries_stay BEFORE UPDATE ON ledger_entries
BEGIN SELECT RAISE(ABORT, 'a journal entry never changes'); END;
CREATE TRIGGER ledger_entries_remain BEFORE DELETE ON ledger_entries
BEGIN SELECT RAISE(ABORT, 'a journal entry is never removed'); END;
CREATE TRIGGER ledger_postings_stay BEFORE UPDATE ON ledger_postings
BEGIN SELECT RAISE(ABORT, 'a posting never changes'); END;
CREATE TRIGGER ledger_postings_remain BEFORE DELETE ON ledger_postings
BEGIN SELECT RAISE(ABORT, 'a posting is never removed'); END;
