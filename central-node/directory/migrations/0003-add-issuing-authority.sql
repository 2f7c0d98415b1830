-- Which authority a certificate is from: an earlier one is given up when nobody needs it.
ALTER TABLE issued_certificates ADD COLUMN authority_sha256 TEXT;
