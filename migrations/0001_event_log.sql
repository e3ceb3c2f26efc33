-- One row a migration: the newest version is that of the schema.
CREATE TABLE schema_version (
  version INTEGER PRIMARY KEY
) STRICT;

-- The event log. kind is unfollow or follow. record is what a list shows, written by the Worker. SQL never parses query and body.
CREATE TABLE events (
  app INTEGER NOT NULL,
  kind TEXT NOT NULL,
  event_time INTEGER NOT NULL,
  hash TEXT NOT NULL,
  record TEXT NOT NULL,
  query TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (app, kind, event_time, hash)
) STRICT, WITHOUT ROWID;

-- The history of each user: one row for the actor of an event, one for each distinct target. role is actor or target.
CREATE TABLE event_users (
  app INTEGER NOT NULL,
  user TEXT NOT NULL,
  role TEXT NOT NULL,
  kind TEXT NOT NULL,
  event_time INTEGER NOT NULL,
  hash TEXT NOT NULL,
  PRIMARY KEY (app, user, role, kind, event_time, hash)
) STRICT, WITHOUT ROWID;

-- How often each user was unfollowed and followed in an hour, in hours since 1970: who lost most.
CREATE TABLE hourly_counts (
  app INTEGER NOT NULL,
  hour INTEGER NOT NULL,
  user TEXT NOT NULL,
  unfollows INTEGER NOT NULL,
  follows INTEGER NOT NULL,
  PRIMARY KEY (app, hour, user)
) STRICT, WITHOUT ROWID;

-- How many users were unfollowed and followed in an hour, in hours since 1970: the chart.
CREATE TABLE hourly_totals (
  app INTEGER NOT NULL,
  hour INTEGER NOT NULL,
  unfollows INTEGER NOT NULL,
  follows INTEGER NOT NULL,
  PRIMARY KEY (app, hour)
) STRICT, WITHOUT ROWID;

-- Counts an event in. A repeat inserts no row, so it never comes here. changes() is the number of distinct targets.
CREATE TRIGGER events_insert AFTER INSERT ON events
BEGIN
  INSERT INTO event_users (app, user, role, kind, event_time, hash)
    VALUES (NEW.app, NEW.record ->> '$.from_account', 'actor', NEW.kind, NEW.event_time, NEW.hash);
  INSERT INTO event_users (app, user, role, kind, event_time, hash)
    SELECT NEW.app, value, 'target', NEW.kind, NEW.event_time, NEW.hash
    FROM json_each(NEW.record, '$.to_accounts') WHERE true
    ON CONFLICT DO NOTHING;
  INSERT INTO hourly_totals (app, hour, unfollows, follows)
    VALUES (NEW.app, NEW.event_time / 3600000, changes() * (NEW.kind = 'unfollow'), changes() * (NEW.kind = 'follow'))
    ON CONFLICT DO UPDATE SET unfollows = unfollows + excluded.unfollows, follows = follows + excluded.follows;
END;

CREATE TRIGGER event_users_insert AFTER INSERT ON event_users WHEN NEW.role = 'target'
BEGIN
  INSERT INTO hourly_counts (app, hour, user, unfollows, follows)
    VALUES (NEW.app, NEW.event_time / 3600000, NEW.user, NEW.kind = 'unfollow', NEW.kind = 'follow')
    ON CONFLICT DO UPDATE SET unfollows = unfollows + excluded.unfollows, follows = follows + excluded.follows;
END;

-- Takes an event out again. A count that comes to nothing is deleted: no row outlives the events that it counts.
CREATE TRIGGER events_delete AFTER DELETE ON events
BEGIN
  DELETE FROM event_users
    WHERE app = OLD.app AND user = OLD.record ->> '$.from_account' AND role = 'actor' AND kind = OLD.kind
      AND event_time = OLD.event_time AND hash = OLD.hash;
  DELETE FROM event_users
    WHERE app = OLD.app AND user IN (SELECT value FROM json_each(OLD.record, '$.to_accounts')) AND role = 'target'
      AND kind = OLD.kind AND event_time = OLD.event_time AND hash = OLD.hash;
  UPDATE hourly_totals
    SET unfollows = unfollows - changes() * (OLD.kind = 'unfollow'), follows = follows - changes() * (OLD.kind = 'follow')
    WHERE app = OLD.app AND hour = OLD.event_time / 3600000;
  DELETE FROM hourly_totals
    WHERE app = OLD.app AND hour = OLD.event_time / 3600000 AND unfollows = 0 AND follows = 0;
END;

CREATE TRIGGER event_users_delete AFTER DELETE ON event_users WHEN OLD.role = 'target'
BEGIN
  DELETE FROM hourly_counts
    WHERE app = OLD.app AND hour = OLD.event_time / 3600000 AND user = OLD.user
      AND unfollows = (OLD.kind = 'unfollow') AND follows = (OLD.kind = 'follow');
  UPDATE hourly_counts
    SET unfollows = unfollows - (OLD.kind = 'unfollow'), follows = follows - (OLD.kind = 'follow')
    WHERE app = OLD.app AND hour = OLD.event_time / 3600000 AND user = OLD.user;
END;

INSERT INTO schema_version (version) VALUES (1);
