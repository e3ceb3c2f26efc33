-- How many distinct targets the event has, in the row of its actor, and 1 in that of a target. Totals of a user are sums of it.
ALTER TABLE event_users ADD COLUMN targets INTEGER NOT NULL DEFAULT 1;

UPDATE event_users
  SET targets = (
    SELECT count(DISTINCT target.value)
    FROM events AS e CROSS JOIN json_each(e.record, '$.to_accounts') AS target
    WHERE e.app = event_users.app AND e.kind = event_users.kind AND e.event_time = event_users.event_time
      AND e.hash = event_users.hash
  )
  WHERE role = 'actor' AND (app, kind, event_time, hash) IN (
    SELECT app, kind, event_time, hash FROM events WHERE json_array_length(record, '$.to_accounts') > 1
  );

-- As before, and with the number of targets in the row of the actor.
DROP TRIGGER events_insert;

CREATE TRIGGER events_insert AFTER INSERT ON events
BEGIN
  INSERT INTO event_users (app, user, role, kind, event_time, hash, targets)
    VALUES (NEW.app, NEW.record ->> '$.from_account', 'actor', NEW.kind, NEW.event_time, NEW.hash,
      (SELECT count(DISTINCT value) FROM json_each(NEW.record, '$.to_accounts')));
  INSERT INTO event_users (app, user, role, kind, event_time, hash)
    SELECT NEW.app, value, 'target', NEW.kind, NEW.event_time, NEW.hash
    FROM json_each(NEW.record, '$.to_accounts') WHERE true
    ON CONFLICT DO NOTHING;
  INSERT INTO hourly_totals (app, hour, unfollows, follows)
    VALUES (NEW.app, NEW.event_time / 3600000, changes() * (NEW.kind = 'unfollow'), changes() * (NEW.kind = 'follow'))
    ON CONFLICT DO UPDATE SET unfollows = unfollows + excluded.unfollows, follows = follows + excluded.follows;
END;

-- The delivery of each event to the origin. state is retrying, dead, delivered (within a minute of event_time) or delivered_late.
-- It is in the key: each state is a range of its own.
CREATE TABLE deliveries (
  app INTEGER NOT NULL,
  state TEXT NOT NULL,
  event_time INTEGER NOT NULL,
  hash TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  last_status INTEGER,
  last_error TEXT,
  next_attempt_at INTEGER,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (app, state, event_time, hash)
) STRICT, WITHOUT ROWID;

-- The latest change first. A delivered row is not in it, so that it costs one row written: its time is that of its event.
CREATE INDEX deliveries_changed ON deliveries (app, state, updated_at, event_time, hash) WHERE state <> 'delivered';

-- A delivery has one state: the row of the state before goes.
CREATE TRIGGER deliveries_insert BEFORE INSERT ON deliveries
BEGIN
  DELETE FROM deliveries
    WHERE app = NEW.app AND state IN ('retrying', 'dead', 'delivered', 'delivered_late') AND event_time = NEW.event_time
      AND hash = NEW.hash AND state <> NEW.state;
END;

-- Webhook calls by hour (hours since 1970), app (0 where it is unknown), outcome and reason (empty where there is none). writes is how
-- often the row was written: the sum over an hour has a limit.
CREATE TABLE call_counts (
  hour INTEGER NOT NULL,
  app INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT NOT NULL,
  count INTEGER NOT NULL,
  writes INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  PRIMARY KEY (hour, app, outcome, reason)
) STRICT, WITHOUT ROWID;

-- The last hour of each outcome, however many hours of others follow it.
CREATE INDEX call_counts_latest ON call_counts (app, outcome, hour);

-- Where the erasure of a user goes on in the list of dead letters. user_hash is a SHA-256: no row names the user.
CREATE TABLE erasures (
  app INTEGER NOT NULL,
  user_hash TEXT NOT NULL,
  position TEXT NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (app, user_hash)
) STRICT, WITHOUT ROWID;

INSERT INTO schema_version (version) VALUES (2);
