-- Who added this person, or gave him a new password, and may not do it alone: until another one approves, he stays out.
ALTER TABLE operators ADD COLUMN held_by TEXT;
