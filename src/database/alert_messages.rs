//! What was told of alerts, as one row.

use super::Statement;

/// The row, if there is one: `revision` and `state`.
#[must_use]
pub fn read() -> Statement {
    Statement::new("SELECT revision, state FROM alert_messages WHERE id = 1", [])
}

/// Writes the row, if its revision is still this one; 0 if there is no row. If not, nothing is changed.
#[must_use]
pub fn write(revision: u64, state: &str) -> Statement {
    const SQL: &str = "INSERT INTO alert_messages (id, revision, state) VALUES (1, ?1 + 1, ?2) \
         ON CONFLICT DO UPDATE SET revision = excluded.revision, state = excluded.state WHERE revision = ?1";
    Statement::new(SQL, [revision.into(), state.into()])
}
