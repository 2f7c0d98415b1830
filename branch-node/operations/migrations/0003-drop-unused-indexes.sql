-- No question is asked by them, and each payment paid for all three.
DROP INDEX operations_by_date;
DROP INDEX decisions_by_msisdn;
DROP INDEX decisions_by_date;
