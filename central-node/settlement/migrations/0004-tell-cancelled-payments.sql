-- The payment that a cancellation takes back; unknown of those from before.
ALTER TABLE obligations ADD COLUMN cancels TEXT;
CREATE INDEX obligations_by_cancelled_payment ON obligations (cancels) WHERE cancels IS NOT NULL;
