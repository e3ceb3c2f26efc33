//! JSON text, read and written.
//!
//! Why not read by serde_json: its deserializer carries error texts, number parsing and float tables that make up 26 KB
//! (gzip) of a Worker that is to stay under 75, and it keeps the last of two members of one name.

mod read;
mod write;

pub use read::{is_empty_but_for, is_value, items, members, string};
pub(crate) use write::object;
#[cfg(target_arch = "wasm32")]
pub use write::texts;
pub use write::{OBJECT_ROOM, Raw, Value, merge, sequence, write};
