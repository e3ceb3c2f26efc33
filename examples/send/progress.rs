//! How far a run has come: a bar on standard error, where that is a terminal. In wasm there is none.

#[cfg(not(target_arch = "wasm32"))]
use indicatif::{ProgressBar, ProgressStyle};

/// The bar of a run.
pub struct Progress {
    #[cfg(not(target_arch = "wasm32"))]
    bar: ProgressBar,
}

#[cfg(not(target_arch = "wasm32"))]
impl Progress {
    /// The bar of `count` calls.
    pub fn new(count: u64) -> Self {
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len}  {eta} left  {msg}");
        Self { bar: ProgressBar::new(count).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())) }
    }

    /// One more call is done; of all, so many were not OK.
    pub fn show(&self, not_ok: u64) {
        self.bar.set_message(format!("{not_ok} not OK"));
        self.bar.inc(1);
    }

    /// All calls are done.
    pub fn end(self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(target_arch = "wasm32")]
impl Progress {
    pub fn new(_: u64) -> Self {
        Self {}
    }

    pub fn show(&self, _: u64) {}

    pub fn end(self) {}
}
