//! The machine of a native program.

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    io::{self, Write},
    os::fd::AsFd,
    path::Path,
    process, thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// The program's name and its arguments.
pub fn args() -> impl Iterator<Item = OsString> {
    env::args_os()
}

/// A variable of the environment.
pub fn var(name: &str) -> Result<String, env::VarError> {
    env::var(name)
}

/// Shows what is wrong with the command line, or the help, in colour where it is a terminal.
pub fn show(error: &clap::Error) {
    // As with `say`.
    let _ = error.print();
}

/// Writes to standard error.
pub fn say(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Writes to standard output, to its end.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Brings what was printed to the disk, where it goes into a file: what is there survives a loss of power.
pub fn sync_output() -> io::Result<()> {
    let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    if out.metadata()?.is_file() { out.sync_data() } else { Ok(()) }
}

/// A file's text.
pub fn read(path: &Path) -> io::Result<String> {
    fs::read_to_string(path)
}

/// Writes a file atomically and durably: after a crash it has this text or the one before.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    // The same name each time, so that crashes leave at most one such file.
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let mut file = File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)
}

/// This machine's time in Unix ms.
pub fn now() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}

/// The time since the first call of this function, by a clock that nobody sets.
pub fn since_start() -> Duration {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// Waits.
pub fn sleep(duration: Duration) {
    thread::sleep(duration);
}

/// Ends the program.
pub fn exit(status: i32) -> ! {
    process::exit(status)
}
