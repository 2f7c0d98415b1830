-- The release that an edit is in: until that is in force, who made the edit does not decide when it comes.
ALTER TABLE draft_editors ADD COLUMN released INTEGER;
