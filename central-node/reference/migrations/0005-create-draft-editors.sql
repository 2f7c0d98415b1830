-- Who changed which data set of the draft since the last release: another person publishes it.
CREATE TABLE draft_editors (
  dataset TEXT NOT NULL,
  login TEXT NOT NULL,
  PRIMARY KEY (dataset, login)
) STRICT, WITHOUT ROWID;
