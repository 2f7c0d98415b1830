-- Positions that head office took back: it had lost their operations before anybody had them.
CREATE TABLE settlement_recalls (
  settlement_id TEXT NOT NULL,
  peer TEXT NOT NULL,
  PRIMARY KEY (settlement_id, peer)
) STRICT, WITHOUT ROWID;
