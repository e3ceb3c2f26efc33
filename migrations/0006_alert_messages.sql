-- What the operator was told of alerts: one row, as JSON. Its revision keeps two runs from telling the same.
CREATE TABLE alert_messages (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  revision INTEGER NOT NULL,
  state TEXT NOT NULL
) STRICT;

INSERT INTO schema_version (version) VALUES (6);
