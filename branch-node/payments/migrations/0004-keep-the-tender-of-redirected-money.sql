-- Money out of suspense was kept as a tender of its own: what goes back to a customer is what he first paid in.
WITH RECURSIVE first_paid (operation_id, tender) AS (
  SELECT operation_id, tender FROM payments WHERE source IS NULL
  UNION ALL
  SELECT p.operation_id, f.tender FROM payments p JOIN first_paid f ON f.operation_id = p.source
)
UPDATE payments SET tender = f.tender FROM first_paid f
WHERE f.operation_id = payments.operation_id AND payments.tender <> f.tender;

UPDATE payouts SET tender = p.tender FROM payments p
WHERE p.operation_id = payouts.payment_id AND payouts.tender <> p.tender AND payouts.state = 'held';
