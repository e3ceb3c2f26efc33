//! The machine of a program in wasm: what `scripts/host.mjs` offers.

use std::{env, ffi::OsString, io, panic, path::Path, time::Duration};

use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

mod imports {
    //! As `scripts/host.mjs` has them. What fails throws a text: the error's code and its message.

    use super::{JsValue, wasm_bindgen};

    #[wasm_bindgen(raw_module = "../../scripts/host.mjs")]
    extern "C" {
        pub fn argument(number: u32) -> Option<String>;
        pub fn variable(name: &str) -> Option<String>;
        #[wasm_bindgen(catch)]
        pub fn write(descriptor: u32, text: &str) -> Result<(), JsValue>;
        #[wasm_bindgen(catch, js_name = syncOutput)]
        pub fn sync_output() -> Result<(), JsValue>;
        #[wasm_bindgen(catch)]
        pub fn read(path: &str) -> Result<String, JsValue>;
        #[wasm_bindgen(catch)]
        pub fn replace(path: &str, text: &str) -> Result<(), JsValue>;
        pub fn now() -> f64;
        #[wasm_bindgen(js_name = sinceStart)]
        pub fn since_start() -> f64;
        pub fn sleep(ms: f64);
        pub fn exit(status: i32);
    }
}

/// The program's name and its arguments.
pub fn args() -> impl Iterator<Item = OsString> {
    panic::set_hook(Box::new(|info| say(&format!("{info}\n"))));
    (0..).map_while(imports::argument).map(OsString::from)
}

/// A variable of the environment.
pub fn var(name: &str) -> Result<String, env::VarError> {
    imports::variable(name).ok_or(env::VarError::NotPresent)
}

/// Shows what is wrong with the command line, or the help.
pub fn show(error: &clap::Error) {
    let text = error.render().to_string();
    // As with `say`.
    let _ = imports::write(if error.use_stderr() { 2 } else { 1 }, &text);
}

/// Writes to standard error.
pub fn say(text: &str) {
    let _ = imports::write(2, text);
}

/// Writes to standard output, to its end.
pub fn print(text: &str) -> io::Result<()> {
    imports::write(1, text).map_err(|error| io_error(&error))
}

/// Brings what was printed to the disk, where it goes into a file: what is there survives a loss of power.
pub fn sync_output() -> io::Result<()> {
    imports::sync_output().map_err(|error| io_error(&error))
}

/// A file's text.
pub fn read(path: &Path) -> io::Result<String> {
    imports::read(&path.to_string_lossy()).map_err(|error| io_error(&error))
}

/// Writes a file atomically and durably: after a crash it has this text or the one before.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    imports::replace(&path.to_string_lossy(), text).map_err(|error| io_error(&error))
}

/// This machine's time in Unix ms.
pub fn now() -> u64 {
    imports::now() as u64
}

/// The time since the program began, by a clock that nobody sets.
pub fn since_start() -> Duration {
    Duration::from_secs_f64(imports::since_start() / 1000.0)
}

/// Waits.
pub fn sleep(duration: Duration) {
    imports::sleep(duration.as_secs_f64() * 1000.0);
}

/// Ends the program.
pub fn exit(status: i32) -> ! {
    imports::exit(status);
    unreachable!("the thread has ended")
}

/// The error of a thrown text.
fn io_error(thrown: &JsValue) -> io::Error {
    let text = thrown.as_string().unwrap_or_default();
    let (code, message) = text.split_once(' ').unwrap_or_default();
    let kind = match code {
        "EPIPE" => io::ErrorKind::BrokenPipe,
        "ENOENT" => io::ErrorKind::NotFound,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, message.to_owned())
}
