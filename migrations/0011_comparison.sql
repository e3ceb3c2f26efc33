-- Where an event is from, and NULL if a webhook brought it: comparison, if a comparison with the own data of Tencent has found that
-- the webhook never came.
ALTER TABLE events ADD COLUMN source TEXT;

-- Of an event with a source, the earliest time at which it may have happened, in Unix ms. The latest is the end of the second of its
-- event_time.
ALTER TABLE events ADD COLUMN not_before INTEGER;

-- Events with a source have one target each. Those of a range of time, for counts, and those of an actor, and of a target. Any other
-- event has no row here, and costs none.
CREATE INDEX events_recorded ON events (app, event_time, kind) WHERE source IS NOT NULL;

CREATE INDEX events_recorded_actors ON events (record ->> '$.from_account', event_time) WHERE source IS NOT NULL;

CREATE INDEX events_recorded_targets ON events (app, record ->> '$.to_accounts[0]', kind, event_time) WHERE source IS NOT NULL;

-- A webhook that comes after all takes the place of what was recorded of the same change. The plus signs keep SQLite from the primary
-- key, by which it would read all events since.
CREATE TRIGGER events_recorded_replaced BEFORE INSERT ON events
  WHEN NEW.source IS NULL AND EXISTS (SELECT 1 FROM events INDEXED BY events_recorded_actors
    WHERE source IS NOT NULL AND record ->> '$.from_account' = NEW.record ->> '$.from_account')
BEGIN
  DELETE FROM events
    WHERE source IS NOT NULL AND +app = NEW.app AND record ->> '$.from_account' = NEW.record ->> '$.from_account'
      AND +kind = NEW.kind AND event_time >= NEW.event_time - 999 AND not_before <= NEW.event_time
      AND record ->> '$.to_accounts[0]' IN (SELECT value FROM json_each(NEW.record, '$.to_accounts'));
END;

-- The other way round, and where the same change was recorded before with another time: what is recorded is left out.
CREATE TRIGGER events_recorded_known BEFORE INSERT ON events WHEN NEW.source IS NOT NULL
BEGIN
  SELECT RAISE(IGNORE) FROM event_users AS a CROSS JOIN event_users AS t
    ON t.app = a.app AND t.user = NEW.record ->> '$.to_accounts[0]' AND t.role = 'target' AND t.kind = a.kind
      AND t.event_time = a.event_time AND t.hash = a.hash
    WHERE a.app = NEW.app AND a.user = NEW.record ->> '$.from_account' AND a.role = 'actor' AND a.kind = NEW.kind
      AND a.event_time >= NEW.not_before AND a.event_time <= NEW.event_time + 999 AND a.hash <> NEW.hash;
END;

INSERT INTO schema_version (version) VALUES (11);
