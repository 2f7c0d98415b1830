-- A filter of the trail that found little read all of it, and nothing else ran meanwhile.
CREATE INDEX audit_entries_by_action ON audit_entries (action, position);
