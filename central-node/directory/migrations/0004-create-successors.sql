-- Head office's keys after the first: each statement is signed with the key before.
CREATE TABLE head_office_successors (
  sequence INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  statement TEXT NOT NULL
) STRICT;
