//! What happens to an event after its call was answered: the queue's messages, the consumer that processes them, its
//! retry policy, and the dead letters that it writes.

pub mod consumer;
pub mod dead_letter;
pub mod erased;
mod event_batch;
pub mod failure;
pub mod gathered;
pub mod message;
mod message_log;
pub mod recent_erasures;
pub mod retry;
