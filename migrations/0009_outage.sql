-- The latest erasures are found without looking at all of them.
CREATE INDEX erased_began ON erased (began_at);

-- A row that goes to another state is counted there, and no longer where it was.
CREATE TRIGGER deliveries_recounted AFTER UPDATE OF state ON deliveries WHEN OLD.state <> NEW.state
BEGIN
  UPDATE delivery_counts SET count = count - 1 WHERE app = OLD.app AND state = OLD.state;
  INSERT INTO delivery_counts (app, state, count)
    SELECT NEW.app, NEW.state, 1 WHERE NEW.state IN ('retrying', 'dead', 'delivered_fail')
    ON CONFLICT DO UPDATE SET count = count + 1;
END;

INSERT INTO schema_version (version) VALUES (9);
