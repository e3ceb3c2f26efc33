-- What the backend answered to a delivery that failed, or with a FAIL: the beginning of its body. NULL for any other.
ALTER TABLE deliveries ADD COLUMN answer TEXT;

-- As before, with one more state: delivered_fail is accepted, but the answer says FAIL.
DROP TRIGGER deliveries_insert;

CREATE TRIGGER deliveries_insert BEFORE INSERT ON deliveries
BEGIN
  DELETE FROM deliveries
    WHERE app = NEW.app AND state IN ('retrying', 'dead', 'delivered', 'delivered_late', 'delivered_fail')
      AND event_time = NEW.event_time AND hash = NEW.hash AND state <> NEW.state;
END;

INSERT INTO schema_version (version) VALUES (4);
