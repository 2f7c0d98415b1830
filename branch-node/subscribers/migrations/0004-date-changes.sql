-- The operation's business date, by which a plan brought what it brought. Changes of before have only their moment.
ALTER TABLE subscriber_changes ADD COLUMN business_date TEXT;
