-- A cancellation counts only against what the same branch served: who knows an id cannot stop another's payment.
CREATE TABLE tombstones_by_branch (
  operation_id TEXT NOT NULL,
  serving TEXT NOT NULL,
  cancelled_by TEXT NOT NULL,
  PRIMARY KEY (operation_id, serving)
) STRICT, WITHOUT ROWID;
INSERT INTO tombstones_by_branch (operation_id, serving, cancelled_by)
SELECT t.operation_id, d.serving, t.cancelled_by FROM tombstones t
JOIN decisions d ON d.operation_id = t.cancelled_by AND d.outcome = 'executed';
DROP TABLE tombstones;
ALTER TABLE tombstones_by_branch RENAME TO tombstones;
