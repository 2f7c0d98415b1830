-- When the release that an edit is in comes into force: until then, who made the edit brings it into force no sooner.
ALTER TABLE draft_editors ADD COLUMN effective_from TEXT;
