-- A recovery applies what came back a few at a time: each time it looks at what is left, and not at all of it.
CREATE INDEX recovered_entries_left ON recovered_entries (epoch, seq) WHERE applied = 0;
