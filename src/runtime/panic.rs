//! Panics on demand, in a build that only the tests make (feature `provoke-panic`): nothing else here can be made to.

use super::clock::RuntimeClock;
use crate::storage::Clock as _;

/// How long `/panic-later` waits, in ms: other calls are under way by then.
const LATER_MS: u64 = 300;

/// Panics if the path asks for it, at once or after a while.
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

/// Panics if an event is to be delivered whose body asks for it.
#[allow(clippy::panic)]
pub fn provoke_in_delivery(body: &[u8]) {
    if body.windows(PANICS_WHEN_DELIVERED.len()).any(|part| part == PANICS_WHEN_DELIVERED) {
        panic!("provoked by a delivery");
    }
}

const PANICS_WHEN_DELIVERED: &[u8] = b"panics-when-delivered";
