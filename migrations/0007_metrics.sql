-- How many events of each kind the log of an app ever had, but for those that hourly_totals still counts: the open hours, from counted_until
-- on (hours since 1970). deleted is how many it has no longer. One row an app, so that a scrape reads one, and written once an hour and
-- not once an event.
CREATE TABLE event_totals (
  app INTEGER NOT NULL,
  counted_until INTEGER NOT NULL,
  unfollows INTEGER NOT NULL,
  follows INTEGER NOT NULL,
  deleted INTEGER NOT NULL,
  PRIMARY KEY (app)
) STRICT, WITHOUT ROWID;

-- How many events came in an hour while it was open. What is deleted stays counted.
ALTER TABLE hourly_totals ADD COLUMN unfollow_events INTEGER NOT NULL DEFAULT 0;

ALTER TABLE hourly_totals ADD COLUMN follow_events INTEGER NOT NULL DEFAULT 0;

-- As before, and counts the event: in its hour, if that is open. If it is over, or far ahead, in event_totals at once.
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
  INSERT INTO hourly_totals (app, hour, unfollows, follows, unfollow_events, follow_events)
    SELECT NEW.app, NEW.event_time / 3600000, changes() * (NEW.kind = 'unfollow'), changes() * (NEW.kind = 'follow'),
      is_open * (NEW.kind = 'unfollow'), is_open * (NEW.kind = 'follow')
    FROM (SELECT NEW.event_time / 3600000 BETWEEN
      ifnull((SELECT counted_until FROM event_totals WHERE app = NEW.app), 0) AND unixepoch() / 3600 + 1 AS is_open)
    WHERE true
    ON CONFLICT DO UPDATE SET unfollows = unfollows + excluded.unfollows, follows = follows + excluded.follows,
      unfollow_events = unfollow_events + excluded.unfollow_events, follow_events = follow_events + excluded.follow_events;
  INSERT INTO event_totals (app, counted_until, unfollows, follows, deleted)
    SELECT NEW.app, 0, NEW.kind = 'unfollow', NEW.kind = 'follow', 0
    WHERE NEW.event_time / 3600000 NOT BETWEEN
      ifnull((SELECT counted_until FROM event_totals WHERE app = NEW.app), 0) AND unixepoch() / 3600 + 1
    ON CONFLICT DO UPDATE SET unfollows = unfollows + excluded.unfollows, follows = follows + excluded.follows;
END;

-- A new hour closes those before the one that precedes it: their counts move to event_totals.
CREATE TRIGGER hourly_totals_insert AFTER INSERT ON hourly_totals
  WHEN NEW.hour <= unixepoch() / 3600 + 1
    AND NEW.hour - 1 > ifnull((SELECT counted_until FROM event_totals WHERE app = NEW.app), 0)
BEGIN
  INSERT INTO event_totals (app, counted_until, unfollows, follows, deleted)
    SELECT NEW.app, NEW.hour - 1, ifnull(sum(unfollow_events), 0), ifnull(sum(follow_events), 0), 0
    FROM hourly_totals
    WHERE app = NEW.app AND hour < NEW.hour - 1
      AND hour >= ifnull((SELECT counted_until FROM event_totals WHERE app = NEW.app), 0)
    ON CONFLICT DO UPDATE SET counted_until = excluded.counted_until, unfollows = unfollows + excluded.unfollows,
      follows = follows + excluded.follows;
END;

-- An open hour that loses its last event: what came in it stays counted.
CREATE TRIGGER hourly_totals_delete AFTER DELETE ON hourly_totals WHEN OLD.unfollow_events + OLD.follow_events > 0
BEGIN
  UPDATE event_totals SET unfollows = unfollows + OLD.unfollow_events, follows = follows + OLD.follow_events
    WHERE app = OLD.app AND counted_until <= OLD.hour;
END;

CREATE TRIGGER events_deleted AFTER DELETE ON events
BEGIN
  UPDATE event_totals SET deleted = deleted + 1 WHERE app = OLD.app;
END;

-- What the log has by now. Its newest hour counts as over. REPLACE, in case an event came since the triggers are there.
INSERT OR REPLACE INTO event_totals (app, counted_until, unfollows, follows, deleted)
  SELECT app, min(max(event_time) / 3600000, unixepoch() / 3600) + 1, sum(kind = 'unfollow'), sum(kind = 'follow'), 0
  FROM events GROUP BY app;

-- The calls of an app with an outcome and a reason, and when the last came, as in call_counts, whose rows are deleted: these stay.
CREATE TABLE call_totals (
  app INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT NOT NULL,
  count INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  PRIMARY KEY (app, outcome, reason)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER call_counts_insert AFTER INSERT ON call_counts
BEGIN
  INSERT INTO call_totals (app, outcome, reason, count, last_at)
    VALUES (NEW.app, NEW.outcome, NEW.reason, NEW.count, NEW.last_at)
    ON CONFLICT DO UPDATE SET count = count + excluded.count, last_at = max(last_at, excluded.last_at);
END;

CREATE TRIGGER call_counts_update AFTER UPDATE OF count ON call_counts
BEGIN
  UPDATE call_totals SET count = count + NEW.count - OLD.count, last_at = max(last_at, NEW.last_at)
    WHERE app = NEW.app AND outcome = NEW.outcome AND reason = NEW.reason;
END;

INSERT OR REPLACE INTO call_totals (app, outcome, reason, count, last_at)
  SELECT app, outcome, reason, sum(count), max(last_at) FROM call_counts GROUP BY app, outcome, reason;

-- How many deliveries of an app are in a state that asks for attention. A delivery that succeeds at once is never in it, and costs no row here.
CREATE TABLE delivery_counts (
  app INTEGER NOT NULL,
  state TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (app, state)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER deliveries_counted AFTER INSERT ON deliveries WHEN NEW.state IN ('retrying', 'dead', 'delivered_fail')
BEGIN
  INSERT INTO delivery_counts (app, state, count) VALUES (NEW.app, NEW.state, 1)
    ON CONFLICT DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER deliveries_uncounted AFTER DELETE ON deliveries WHEN OLD.state IN ('retrying', 'dead', 'delivered_fail')
BEGIN
  UPDATE delivery_counts SET count = count - 1 WHERE app = OLD.app AND state = OLD.state;
END;

INSERT OR REPLACE INTO delivery_counts (app, state, count)
  SELECT app, state, count(*) FROM deliveries
  WHERE state IN ('retrying', 'dead', 'delivered_fail') AND state <> 'delivered' GROUP BY app, state;

INSERT INTO schema_version (version) VALUES (7);
