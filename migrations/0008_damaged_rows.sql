-- As before, but for a row whose record is damaged: one that is no JSON, or does not name its users. It has a trigger of its own.
DROP TRIGGER events_delete;

CREATE TRIGGER events_delete AFTER DELETE ON events
  WHEN iif(json_valid(OLD.record), json_type(OLD.record, '$.from_account'), '') IS 'text'
    AND json_type(OLD.record, '$.to_accounts') IS 'array'
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

-- What a damaged row counts is found by its key, among all that the users of the app have done. Whose record KV still has is not known
-- then, so that an erasure has to search for it.
CREATE TRIGGER events_delete_damaged AFTER DELETE ON events
  WHEN iif(json_valid(OLD.record), json_type(OLD.record, '$.from_account'), '') IS NOT 'text'
    OR json_type(OLD.record, '$.to_accounts') IS NOT 'array'
BEGIN
  DELETE FROM event_users
    WHERE app = OLD.app AND role = 'actor' AND kind = OLD.kind AND event_time = OLD.event_time AND hash = OLD.hash;
  DELETE FROM event_users
    WHERE app = OLD.app AND role = 'target' AND kind = OLD.kind AND event_time = OLD.event_time AND hash = OLD.hash;
  UPDATE hourly_totals
    SET unfollows = unfollows - changes() * (OLD.kind = 'unfollow'), follows = follows - changes() * (OLD.kind = 'follow')
    WHERE app = OLD.app AND hour = OLD.event_time / 3600000;
  DELETE FROM hourly_totals
    WHERE app = OLD.app AND hour = OLD.event_time / 3600000 AND unfollows = 0 AND follows = 0;
  DELETE FROM log_state WHERE name = 'complete_since' AND OLD.kv_until > unixepoch();
END;

DROP TRIGGER events_outlived;

CREATE TRIGGER events_outlived AFTER DELETE ON events
  WHEN OLD.kv_until > unixepoch()
    AND iif(json_valid(OLD.record), json_type(OLD.record, '$.from_account'), '') IS 'text'
    AND json_type(OLD.record, '$.to_accounts') IS 'array'
BEGIN
  INSERT INTO kv_only (app, user, event_time, hash, until)
    VALUES (OLD.app, OLD.record ->> '$.from_account', OLD.event_time, OLD.hash, OLD.kv_until)
    ON CONFLICT DO UPDATE SET until = max(until, excluded.until);
  INSERT INTO kv_only (app, user, event_time, hash, until)
    SELECT OLD.app, value, OLD.event_time, OLD.hash, OLD.kv_until FROM json_each(OLD.record, '$.to_accounts') WHERE true
    ON CONFLICT DO UPDATE SET until = max(until, excluded.until);
END;

INSERT INTO schema_version (version) VALUES (8);
