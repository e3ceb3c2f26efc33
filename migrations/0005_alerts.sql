-- Since when a delivery has been retried, in Unix ms, counted anew from each replay. NULL for any other state, and for what an earlier
-- Worker has written.
ALTER TABLE deliveries ADD COLUMN retrying_since INTEGER;

-- Hours (since 1970) in which a user was unfollowed 20 times or more, and twice as often as in the same hour of the day before or of the
-- week before. Whether it was a burst is decided by src/alerts/burst.rs, from all of the last days. Nothing is written for an hour
-- with fewer unfollows, and one row for each of these.
CREATE TABLE unusual_hours (
  app INTEGER NOT NULL,
  hour INTEGER NOT NULL,
  user TEXT NOT NULL,
  PRIMARY KEY (app, hour, user)
) STRICT, WITHOUT ROWID;

-- Looks at every tenth unfollow.
CREATE TRIGGER hourly_counts_unusual AFTER UPDATE OF unfollows ON hourly_counts
  WHEN NEW.unfollows >= 20 AND NEW.unfollows % 10 = 0 AND NEW.unfollows > OLD.unfollows
BEGIN
  INSERT INTO unusual_hours (app, hour, user)
    SELECT NEW.app, NEW.hour, NEW.user
    WHERE NEW.unfollows >= 2 * min(
      ifnull((SELECT unfollows FROM hourly_counts WHERE app = NEW.app AND hour = NEW.hour - 24 AND user = NEW.user), 0),
      ifnull((SELECT unfollows FROM hourly_counts WHERE app = NEW.app AND hour = NEW.hour - 168 AND user = NEW.user), 0))
    ON CONFLICT DO NOTHING;
END;

-- No row outlives the events that it is of.
CREATE TRIGGER hourly_counts_usual AFTER UPDATE OF unfollows ON hourly_counts WHEN OLD.unfollows >= 20 AND NEW.unfollows < 20
BEGIN
  DELETE FROM unusual_hours WHERE app = NEW.app AND hour = NEW.hour AND user = NEW.user;
END;

INSERT INTO schema_version (version) VALUES (5);
