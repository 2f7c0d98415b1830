-- Every key that a member ever had. No other node may ever have it; what it signed stays readable.
CREATE TABLE node_keys (
  use TEXT NOT NULL CHECK (use IN ('signing', 'tls')),
  key TEXT NOT NULL,
  node TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('accepted', 'retired', 'revoked')),
  since TEXT NOT NULL,
  ended_at TEXT,
  PRIMARY KEY (use, key)
) STRICT;

CREATE INDEX node_keys_by_node ON node_keys (node);

INSERT INTO node_keys (use, key, node, state, since)
SELECT 'signing', signing_key_x, code, 'accepted', enrolled_at FROM enrolled_branches;

-- Certificates name TLS keys of earlier enrolments too.
INSERT INTO node_keys (use, key, node, state, since)
SELECT 'tls', issued.tls_key_sha256, issued.code,
  CASE WHEN issued.tls_key_sha256 = branch.tls_key_sha256 THEN 'accepted' ELSE 'retired' END,
  min(issued.not_before)
FROM issued_certificates AS issued JOIN enrolled_branches AS branch ON branch.code = issued.code
GROUP BY issued.tls_key_sha256;
