CREATE INDEX customers_by_document ON customers (
  upper(replace(replace(replace(document_number, ' ', ''), '-', ''), '№', ''))
);
