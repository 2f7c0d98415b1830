-- How long payments took from their acceptance at one branch to their credit at another, by the date of the payment.
CREATE TABLE credit_times (
  operation_date TEXT NOT NULL,
  -- times up to 2^(step/4) ms and over the step before
  step INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (operation_date, step)
) STRICT, WITHOUT ROWID;
