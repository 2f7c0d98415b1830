-- Received entries that this node's code could not apply: worked off, in this order, by code that can.
CREATE TABLE set_aside_entries (
  id INTEGER PRIMARY KEY,
  peer TEXT NOT NULL,
  epoch TEXT NOT NULL,
  position INTEGER NOT NULL,
  kind TEXT NOT NULL,
  -- why a known kind could not be applied; NULL for an unknown kind
  reason TEXT,
  -- the code that tried last
  code_version TEXT NOT NULL,
  UNIQUE (peer, epoch, position),
  FOREIGN KEY (peer, epoch, position) REFERENCES inbound_entries (peer, epoch, position)
) STRICT;

-- Version 0.1.0 kept what it did not know, but no list of it. These are the kinds that it knew.
INSERT INTO set_aside_entries (peer, epoch, position, kind, code_version)
SELECT peer, epoch, position, kind, '0.1.0' FROM inbound_entries
WHERE kind NOT IN (
  'node.started', 'reference.released', 'release.applied', 'day.closed', 'payout.recorded',
  'settlement.completed', 'settlement.confirmed', 'settlement.disputed',
  'case.opened', 'case.adjusted', 'case.closed',
  'payment.accepted', 'payment.credited', 'payment.refused', 'payment.concluded',
  'payment-cancellation.accepted', 'payment-cancellation.executed',
  'payment-cancellation.refused', 'payment-cancellation.concluded',
  'sim-replacement.accepted', 'sim-replacement.executed',
  'sim-replacement.refused', 'sim-replacement.concluded',
  'registration.accepted', 'registration.executed', 'registration.refused',
  'registration.concluded',
  'rate-plan-change.accepted', 'rate-plan-change.executed', 'rate-plan-change.refused',
  'rate-plan-change.concluded',
  'service-change.accepted', 'service-change.executed', 'service-change.refused',
  'service-change.concluded',
  'block.accepted', 'block.executed', 'block.refused', 'block.concluded',
  'termination.accepted', 'termination.executed', 'termination.refused', 'termination.concluded',
  'number-move.accepted', 'number-move.executed', 'number-move.refused', 'number-move.concluded'
)
ORDER BY rowid;
