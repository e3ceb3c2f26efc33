-- As before, and for a row whose record is damaged too: one that is no JSON, or names nobody. What it counts is found by its key, which
-- reads all that the users of the app have done, and by its record where that is whole.
DROP TRIGGER events_delete;

CREATE TRIGGER events_delete AFTER DELETE ON events
BEGIN
  DELETE FROM event_users
    WHERE app = OLD.app AND role = 'actor' AND kind = OLD.kind AND event_time = OLD.event_time AND hash = OLD.hash
      AND user IN (
        SELECT OLD.record ->> '$.from_account' WHERE iif(json_valid(OLD.record), json_type(OLD.record, '$.from_account'), '') IS 'text'
        UNION ALL
        SELECT user FROM event_users
        WHERE iif(json_valid(OLD.record), json_type(OLD.record, '$.from_account'), '') IS NOT 'text' AND app = OLD.app
          AND role = 'actor' AND kind = OLD.kind AND event_time = OLD.event_time AND hash = OLD.hash
      );
  DELETE FROM event_users
    WHERE app = OLD.app AND role = 'target' AND kind = OLD.kind AND event_time = OLD.event_time AND hash = OLD.hash
      AND user IN (
        SELECT value FROM json_each(iif(json_valid(OLD.record), OLD.record, '{}'), '$.to_accounts')
        UNION ALL
        SELECT user FROM event_users
        WHERE iif(json_valid(OLD.record), json_type(OLD.record, '$.to_accounts'), '') IS NOT 'array' AND app = OLD.app
          AND role = 'target' AND kind = OLD.kind AND event_time = OLD.event_time AND hash = OLD.hash
      );
  UPDATE hourly_totals
    SET unfollows = unfollows - changes() * (OLD.kind = 'unfollow'), follows = follows - changes() * (OLD.kind = 'follow')
    WHERE app = OLD.app AND hour = OLD.event_time / 3600000;
  DELETE FROM hourly_totals
    WHERE app = OLD.app AND hour = OLD.event_time / 3600000 AND unfollows = 0 AND follows = 0;
END;

DROP TRIGGER events_outlived;

CREATE TRIGGER events_outlived AFTER DELETE ON events WHEN OLD.kv_until > unixepoch()
BEGIN
  INSERT INTO kv_only (app, user, event_time, hash, until)
    SELECT OLD.app, OLD.record ->> '$.from_account', OLD.event_time, OLD.hash, OLD.kv_until
    WHERE iif(json_valid(OLD.record), json_type(OLD.record, '$.from_account'), '') IS 'text'
    ON CONFLICT DO UPDATE SET until = max(until, excluded.until);
  INSERT INTO kv_only (app, user, event_time, hash, until)
    SELECT OLD.app, value, OLD.event_time, OLD.hash, OLD.kv_until
    FROM json_each(iif(json_valid(OLD.record), OLD.record, '{}'), '$.to_accounts') WHERE type = 'text'
    ON CONFLICT DO UPDATE SET until = max(until, excluded.until);
  -- Whose record is in KV still is not known: an erasure has to search for it.
  DELETE FROM log_state
    WHERE name = 'complete_since'
      AND iif(json_valid(OLD.record), json_type(OLD.record, '$.from_account'), '') IS NOT 'text';
END;

INSERT INTO schema_version (version) VALUES (8);
