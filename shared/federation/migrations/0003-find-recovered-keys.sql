-- What was asked for under which key, of what came back after a set-back.
CREATE INDEX recovered_keys ON recovered_entries (json_extract(entry, '$.body.details.key'))
  WHERE json_extract(entry, '$.body.details.key') IS NOT NULL;
