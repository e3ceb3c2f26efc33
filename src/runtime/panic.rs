//! Panics on demand, in a build that only the tests make (feature `provoke-panic`): nothing else here can be made to.

use super::clock::RuntimeClock;
use crate::storage::Clock as _;

/// How long `/panic-later` waits, in ms: other calls are under way by then.
const LATER_MS: u64 = 300;

/// Panics where the path asks for it, at once or after a while.
#[allow(clippy::panic)]
pub async fn provoke(path: &str) {
    match path {
        "/panic" => panic!("provoked at once"),
        "/panic-later" => {
            RuntimeClock.sleep(LATER_MS).await;
            panic!("provoked after a while");
        }
        _ => {}
    }
}
