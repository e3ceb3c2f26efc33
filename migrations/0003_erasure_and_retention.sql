-- Until when KV has the record of an event, in Unix seconds: 0 if it has none, 9999999999999 if it is there for good, null if a
-- Worker that did not say so has written the row.
ALTER TABLE events ADD COLUMN kv_until INTEGER;

-- Events that are dated more than a minute after their receipt. Their retention counts from the receipt. All others have no row here.
CREATE INDEX events_ahead ON events (record ->> '$.received_at')
  WHERE json_valid(record) AND event_time > (record ->> '$.received_at') + 60000;

-- Records that KV has and the log has no longer, one row for each user who has a part in them. until is that of kv_until. erased_at is
-- when an erasure took the event out of the log, in Unix ms, and null if something else did.
CREATE TABLE kv_only (
  app INTEGER NOT NULL,
  user TEXT NOT NULL,
  event_time INTEGER NOT NULL,
  hash TEXT NOT NULL,
  until INTEGER NOT NULL,
  erased_at INTEGER,
  PRIMARY KEY (app, user, event_time, hash)
) STRICT, WITHOUT ROWID;

CREATE INDEX kv_only_events ON kv_only (app, event_time, hash);

CREATE INDEX kv_only_until ON kv_only (until);

-- Whatever deletes an event whose record is still in KV, the record can be found by its users.
CREATE TRIGGER events_outlived AFTER DELETE ON events WHEN OLD.kv_until > unixepoch()
BEGIN
  INSERT INTO kv_only (app, user, event_time, hash, until)
    VALUES (OLD.app, OLD.record ->> '$.from_account', OLD.event_time, OLD.hash, OLD.kv_until)
    ON CONFLICT DO UPDATE SET until = max(until, excluded.until);
  INSERT INTO kv_only (app, user, event_time, hash, until)
    SELECT OLD.app, value, OLD.event_time, OLD.hash, OLD.kv_until FROM json_each(OLD.record, '$.to_accounts') WHERE true
    ON CONFLICT DO UPDATE SET until = max(until, excluded.until);
END;

-- What was erased of an app, as a SHA-256 of a user or of an event: no row names one. What was received by began_at, in Unix ms, is not stored
-- again. position is where the erasure of a user goes on, and null once it is done.
CREATE TABLE erased (
  hash TEXT NOT NULL,
  app INTEGER NOT NULL,
  began_at INTEGER NOT NULL,
  position TEXT,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (hash)
) STRICT, WITHOUT ROWID;

-- What the log knows of itself, by name: the list is in src/database/log_state.rs.
CREATE TABLE log_state (
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (name)
) STRICT, WITHOUT ROWID;

-- A Worker that does not say whether KV has the record may be one that leaves out others: the log is no longer known to be complete.
CREATE TRIGGER events_kv_unknown AFTER INSERT ON events WHEN NEW.kv_until IS NULL
BEGIN
  DELETE FROM log_state WHERE name = 'complete_since';
END;

INSERT INTO schema_version (version) VALUES (3);
