-- Whether both branches, or two people, named an operation of a lost settlement; else one branch alone did.
ALTER TABLE lost_obligations ADD COLUMN sure INTEGER NOT NULL DEFAULT 0;
-- What was to become of the position, as the second person saw it.
ALTER TABLE lost_decisions ADD COLUMN outcome TEXT CHECK (outcome IN ('upheld', 'recalled'));
-- The hash of what the branch said that they do not go by; null: it had no word.
ALTER TABLE lost_decisions ADD COLUMN despite_word TEXT;
