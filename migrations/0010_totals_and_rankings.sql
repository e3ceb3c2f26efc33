-- How many targets the events of a user have in one role and kind, of those from since_time to before until_time (Unix ms). Only a user
-- with many has a row. What is before and after is counted in event_users, and is little: every twelfth or so of the events that are added
-- moves until_time on, and of those that are deleted since_time, so that the others cost no row. The newest twelve are always left, as
-- events do not come in the order of their times.
CREATE TABLE user_totals (
  app INTEGER NOT NULL,
  user TEXT NOT NULL,
  role TEXT NOT NULL,
  kind TEXT NOT NULL,
  since_time INTEGER NOT NULL,
  until_time INTEGER NOT NULL,
  targets INTEGER NOT NULL,
  PRIMARY KEY (app, user, role, kind)
) STRICT, WITHOUT ROWID;

-- In one trigger, for the order of its statements. First what comes late, among those that are summed up. Then what is after them is summed
-- up, the oldest 256 at a time and without the newest, and what is before them, the newest 256 at a time, as a log is rebuilt from its
-- newest event on. By their hashes, some events sum up for the actor and the others for the targets, so that none writes both.
CREATE TRIGGER event_users_total AFTER INSERT ON event_users
BEGIN
  UPDATE user_totals SET targets = targets + NEW.targets
    WHERE app = NEW.app AND user = NEW.user AND role = NEW.role AND kind = NEW.kind
      AND since_time <= NEW.event_time AND NEW.event_time < until_time;
  INSERT INTO user_totals (app, user, role, kind, since_time, until_time, targets)
    SELECT NEW.app, NEW.user, NEW.role, NEW.kind, min(u.event_time), max(u.event_time) + 1, sum(u.targets)
    FROM (SELECT ifnull((
      SELECT until_time FROM user_totals
      WHERE app = NEW.app AND user = NEW.user AND role = NEW.role AND kind = NEW.kind), 0) AS time) AS edge
    CROSS JOIN event_users AS u
    ON u.app = NEW.app AND u.user = NEW.user AND u.role = NEW.role AND u.kind = NEW.kind AND u.event_time >= edge.time
      AND u.event_time <= (SELECT max(event_time) FROM (
        SELECT event_time FROM event_users
        WHERE app = NEW.app AND user = NEW.user AND role = NEW.role AND kind = NEW.kind AND event_time >= edge.time
        ORDER BY event_time LIMIT 256))
      AND u.event_time <= (
        SELECT event_time FROM event_users
        WHERE app = NEW.app AND user = NEW.user AND role = NEW.role AND kind = NEW.kind AND event_time >= edge.time
        ORDER BY event_time DESC LIMIT 1 OFFSET 12)
    WHERE (substr(NEW.hash, -1) < '8') = (NEW.role = 'actor') AND NEW.event_time >= edge.time AND EXISTS (
      SELECT 1 FROM event_users
      WHERE app = NEW.app AND user = NEW.user AND role = NEW.role AND kind = NEW.kind AND event_time >= edge.time
      LIMIT 1 OFFSET 23)
    GROUP BY edge.time
    ON CONFLICT DO UPDATE SET until_time = excluded.until_time, targets = targets + excluded.targets;
  UPDATE user_totals
    SET since_time = edge.time, targets = user_totals.targets + (
      SELECT sum(u.targets) FROM event_users AS u
      WHERE u.app = NEW.app AND u.user = NEW.user AND u.role = NEW.role AND u.kind = NEW.kind
        AND u.event_time >= edge.time AND u.event_time < user_totals.since_time)
    FROM (SELECT min(event_time) AS time FROM (
      SELECT event_time FROM event_users
      WHERE app = NEW.app AND user = NEW.user AND role = NEW.role AND kind = NEW.kind AND event_time < (
        SELECT since_time FROM user_totals
        WHERE app = NEW.app AND user = NEW.user AND role = NEW.role AND kind = NEW.kind)
      ORDER BY event_time DESC LIMIT 256)) AS edge
    WHERE app = NEW.app AND user = NEW.user AND role = NEW.role AND kind = NEW.kind
      AND (substr(NEW.hash, -1) < '8') = (NEW.role = 'actor') AND NEW.event_time < since_time AND EXISTS (
        SELECT 1 FROM event_users AS u
        WHERE u.app = NEW.app AND u.user = NEW.user AND u.role = NEW.role AND u.kind = NEW.kind AND u.event_time < since_time
        LIMIT 1 OFFSET 11);
END;

-- What leaves from among those that are summed up, where older ones of them stay. The oldest one takes the next eleven with it. With fewer
-- left, nothing is summed up.
CREATE TRIGGER event_users_untotal AFTER DELETE ON event_users
  WHEN EXISTS (
    SELECT 1 FROM user_totals
    WHERE app = OLD.app AND user = OLD.user AND role = OLD.role AND kind = OLD.kind
      AND since_time <= OLD.event_time AND OLD.event_time < until_time)
BEGIN
  UPDATE user_totals SET targets = targets - OLD.targets
    WHERE app = OLD.app AND user = OLD.user AND role = OLD.role AND kind = OLD.kind AND EXISTS (
      SELECT 1 FROM event_users AS u
      WHERE u.app = OLD.app AND u.user = OLD.user AND u.role = OLD.role AND u.kind = OLD.kind
        AND u.event_time >= since_time AND u.event_time < OLD.event_time);
  DELETE FROM user_totals
    WHERE app = OLD.app AND user = OLD.user AND role = OLD.role AND kind = OLD.kind AND NOT EXISTS (
      SELECT 1 FROM event_users AS u
      WHERE u.app = OLD.app AND u.user = OLD.user AND u.role = OLD.role AND u.kind = OLD.kind
        AND u.event_time >= since_time AND u.event_time < until_time
      LIMIT 1 OFFSET 11);
  UPDATE user_totals
    SET since_time = edge.time, targets = user_totals.targets - OLD.targets - (
      SELECT ifnull(sum(u.targets), 0) FROM event_users AS u
      WHERE u.app = OLD.app AND u.user = OLD.user AND u.role = OLD.role AND u.kind = OLD.kind
        AND u.event_time >= user_totals.since_time AND u.event_time < edge.time)
    FROM (SELECT u.event_time AS time FROM user_totals AS t CROSS JOIN event_users AS u
      ON u.app = t.app AND u.user = t.user AND u.role = t.role AND u.kind = t.kind AND u.event_time >= t.since_time
      WHERE t.app = OLD.app AND t.user = OLD.user AND t.role = OLD.role AND t.kind = OLD.kind
      ORDER BY u.event_time LIMIT 1 OFFSET 11) AS edge
    WHERE app = OLD.app AND user = OLD.user AND role = OLD.role AND kind = OLD.kind AND NOT EXISTS (
      SELECT 1 FROM event_users AS u
      WHERE u.app = OLD.app AND u.user = OLD.user AND u.role = OLD.role AND u.kind = OLD.kind
        AND u.event_time >= since_time AND u.event_time < OLD.event_time);
END;

-- Who lost or gained most, as it was summed up at as_of (Unix ms): users is a JSON array of user, unfollows and follows, 100 at most. The
-- range is from since_hour to before until_hour (hours since 1970), or to as_of where that is 0. hours is how long it was when it was
-- last asked for, at asked_at. changes says how often the events of the app had changed by as_of.
CREATE TABLE rankings (
  app INTEGER NOT NULL,
  since_hour INTEGER NOT NULL,
  until_hour INTEGER NOT NULL,
  measure TEXT NOT NULL,
  as_of INTEGER NOT NULL,
  changes INTEGER NOT NULL,
  hours INTEGER NOT NULL,
  asked_at INTEGER NOT NULL,
  users TEXT NOT NULL,
  PRIMARY KEY (app, since_hour, until_hour, measure)
) STRICT, WITHOUT ROWID;

-- hourly_counts of an hour that is over, up to 5000 users a row, so that a ranking reads few rows: counts is a JSON array of user,
-- unfollows and follows. made_at is in Unix ms.
CREATE TABLE packed_counts (
  app INTEGER NOT NULL,
  hour INTEGER NOT NULL,
  part INTEGER NOT NULL,
  made_at INTEGER NOT NULL,
  counts TEXT NOT NULL,
  PRIMARY KEY (app, hour, part)
) STRICT, WITHOUT ROWID;

-- Nothing else ever has counts that hourly_counts has not.
CREATE TRIGGER hourly_counts_added AFTER INSERT ON hourly_counts
BEGIN
  DELETE FROM packed_counts WHERE app = NEW.app AND hour = NEW.hour;
END;

CREATE TRIGGER hourly_counts_changed AFTER UPDATE ON hourly_counts
BEGIN
  DELETE FROM packed_counts WHERE app = NEW.app AND hour = NEW.hour;
END;

CREATE TRIGGER hourly_counts_deleted AFTER DELETE ON hourly_counts
BEGIN
  DELETE FROM packed_counts WHERE app = OLD.app AND hour = OLD.hour;
END;

INSERT INTO schema_version (version) VALUES (10);
