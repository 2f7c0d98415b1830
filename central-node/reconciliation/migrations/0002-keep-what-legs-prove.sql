-- Where the entry of a leg stands in its branch's log, and what it proves of others' words.
ALTER TABLE legs ADD COLUMN epoch TEXT;
ALTER TABLE legs ADD COLUMN seq INTEGER;
-- of an acceptance: the hash of what it says; of a decision: the hash of the acceptance that was decided
ALTER TABLE legs ADD COLUMN accepted_sha256 TEXT;
-- of a decision and of a conclusion: the hash of the decision
ALTER TABLE legs ADD COLUMN decision_sha256 TEXT;
