//! The app's own backend as a test wants it: a real HTTP server on a free port that records what it was sent. Its
//! behaviour can be changed while it runs. It ends with the test, whose threads it uses.

use std::{
    collections::HashMap,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{port::free_listener, worker::wait_for};

/// The path of `ORIGIN_URL`.
pub const PATH: &str = "/hook";

/// A request that arrived.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    /// Path and query.
    pub target: String,
    /// With names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// How many requests with this body have come, this one included.
    pub nth: usize,
    pub at: Instant,
}

impl Received {
    /// A header's text, where it is there.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// The query, without its `?`.
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// The `From_Account` that the body names.
    fn sender(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["From_Account"].as_str().unwrap_or_default().to_owned()
    }
}

/// How to react to a request.
pub enum Reaction {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
    },
    /// No response, and the connection stays open.
    Hang,
    /// A response whose body begins so and never ends.
    Stall {
        status: u16,
        body: String,
    },
    /// No response, and the connection ends.
    Close,
}

/// A response with a JSON body.
pub fn answer(status: u16, body: &str) -> Reaction {
    Reaction::Answer { status, headers: vec![("content-type", "application/json".to_owned())], body: body.to_owned() }
}

/// The standard OK.
pub fn ok() -> Reaction {
    answer(200, r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#)
}

/// Redirects to where nothing should ever arrive.
pub fn redirect(status: u16) -> Reaction {
    Reaction::Answer { status, headers: vec![("location", "/elsewhere".to_owned())], body: r#"{"moved":1}"#.to_owned() }
}

/// Behaves as the body's `From_Account` says at its beginning, like the store and the queue of `stand_ins.js`.
pub fn scripted(request: &Received) -> Reaction {
    let from = request.sender();
    let once = request.nth == 1;
    if let Some(times) = from.strip_prefix("fails-").and_then(|rest| rest.split('-').next()?.parse::<usize>().ok()) {
        return if request.nth <= times { answer(500, "{}") } else { ok() };
    }
    match from.split(',').next().unwrap_or_default() {
        "hangs-once" if once => Reaction::Hang,
        "closes-once" if once => Reaction::Close,
        "redirects-once" if once => redirect(307),
        "busy-once" if once => {
            Reaction::Answer { status: 503, headers: vec![("retry-after", "3".to_owned())], body: String::new() }
        }
        "gives-up" if once => {
            Reaction::Answer { status: 500, headers: vec![("retry-after", "7200".to_owned())], body: String::new() }
        }
        "stalls-once" if once => Reaction::Stall { status: 503, body: "so far".to_owned() },
        "stalls" => Reaction::Stall { status: 200, body: "{".to_owned() },
        "says-fail" => answer(200, FAIL),
        "hangs" => Reaction::Hang,
        "closes" => Reaction::Close,
        "redirects" => redirect(302),
        "no-json" => answer(200, "OK"),
        "no-content" => Reaction::Answer { status: 204, headers: Vec::new(), body: String::new() },
        "most" => answer(200, &of_length(1024 * 1024)),
        "too-much" => answer(200, &of_length(1024 * 1024 + 1)),
        "rejects" => answer(200, REJECTION),
        "rejects-by-status" => answer(403, REJECTION),
        _ => ok(),
    }
}

/// What the rejection of a "before" command may look like, with odd white space.
/// Tencent's own word for a failure, with a status of success.
pub const FAIL: &str = r#"{"ActionStatus":"FAIL","ErrorCode":1,"ErrorInfo":"seen"}"#;

pub const REJECTION: &str = "{ \"ActionStatus\": \"OK\",\n \"ErrorCode\": 120001,  \"ErrorInfo\": \"no, 微信\" }\n";

fn of_length(length: usize) -> String {
    format!("\"{}\"", "x".repeat(length - 2))
}

type Behaviour = dyn Fn(&Received) -> Reaction + Send + Sync;

/// An origin, running or not.
pub struct Origin {
    port: u16,
    state: Arc<State>,
    /// The thread that listens, and the flag that ends it; `None` while connections are refused.
    listening: Option<(JoinHandle<()>, Arc<AtomicBool>)>,
}

struct State {
    behaviour: Mutex<Arc<Behaviour>>,
    received: Mutex<Vec<Received>>,
    bodies: Mutex<HashMap<Vec<u8>, usize>>,
    /// Whether reactions that hang must end.
    ended: AtomicBool,
}

impl Origin {
    /// Starts one with this behaviour.
    pub fn start(behaviour: impl Fn(&Received) -> Reaction + Send + Sync + 'static) -> Self {
        let listener = free_listener();
        let port = listener.local_addr().unwrap().port();
        let state = State {
            behaviour: Mutex::new(Arc::new(behaviour)),
            received: Mutex::default(),
            bodies: Mutex::default(),
            ended: AtomicBool::new(false),
        };
        let mut origin = Self { port, state: Arc::new(state), listening: None };
        origin.accept_from(listener);
        origin
    }

    /// What `ORIGIN_URL` has to be.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}{PATH}", self.port)
    }

    /// Changes the behaviour.
    pub fn behave(&self, behaviour: impl Fn(&Received) -> Reaction + Send + Sync + 'static) {
        *self.state.behaviour.lock().unwrap() = Arc::new(behaviour);
    }

    /// All requests so far.
    pub fn received(&self) -> Vec<Received> {
        self.state.received.lock().unwrap().clone()
    }

    /// How many requests have arrived so far.
    pub fn count(&self) -> usize {
        self.state.received.lock().unwrap().len()
    }

    /// Forgets the requests that have arrived so far.
    pub fn forget(&self) {
        self.state.received.lock().unwrap().clear();
    }

    /// The requests with this body so far.
    pub fn received_of(&self, body: &[u8]) -> Vec<Received> {
        self.state.received.lock().unwrap().iter().filter(|request| request.body == body).cloned().collect()
    }

    /// Waits until as many requests with this body have arrived, and gives them.
    pub fn wait_for(&self, body: &[u8], number: usize) -> Vec<Received> {
        let what = || format!("{number} times {}", String::from_utf8_lossy(&body[..body.len().min(200)]));
        wait_for(&what(), || Some(self.received_of(body)).filter(|requests| requests.len() >= number))
    }

    /// Refuses connections.
    pub fn refuse(&mut self) {
        let Some((thread, ended)) = self.listening.take() else { return };
        ended.store(true, SeqCst);
        // Wakes it.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        thread.join().unwrap();
    }

    /// Takes connections again, on the same port.
    pub fn listen(&mut self) {
        let listener = wait_for("the port", || TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).ok());
        self.accept_from(listener);
    }

    fn accept_from(&mut self, listener: TcpListener) {
        let (state, ended) = (Arc::clone(&self.state), Arc::new(AtomicBool::new(false)));
        let order = Arc::clone(&ended);
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if order.load(SeqCst) {
                    return;
                }
                let (Ok(stream), state) = (stream, Arc::clone(&state)) else { continue };
                // A sender may go away in the middle.
                thread::spawn(move || state.serve(stream).ok());
            }
        });
        self.listening = Some((thread, ended));
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.state.ended.store(true, SeqCst);
        self.refuse();
    }
}

impl State {
    /// Serves one request; a connection carries no more.
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(&stream);
        let mut line = || {
            let mut line = String::new();
            reader.read_line(&mut line).map(|_| line.trim_end().to_owned())
        };
        let first = line()?;
        let mut parts = first.split(' ').map(str::to_owned);
        let (Some(method), Some(target)) = (parts.next(), parts.next()) else { return Ok(()) };
        let mut headers = Vec::new();
        while let Some((name, value)) = line()?.split_once(':') {
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let mut body = vec![0; length.and_then(|(_, length)| length.parse().ok()).unwrap_or(0)];
        reader.read_exact(&mut body)?;

        let nth = {
            let mut bodies = self.bodies.lock().unwrap();
            let nth = bodies.entry(body.clone()).or_default();
            *nth += 1;
            *nth
        };
        let request = Received { method, target, headers, body, nth, at: Instant::now() };
        let behaviour = Arc::clone(&self.behaviour.lock().unwrap());
        let reaction = behaviour(&request);
        self.received.lock().unwrap().push(request);
        match reaction {
            Reaction::Answer { status, headers, body } => write(&stream, status, &headers, &body),
            Reaction::Close => Ok(()),
            Reaction::Hang => self.hang(&stream),
            Reaction::Stall { status, body } => {
                (&stream)
                    .write_all(format!("HTTP/1.1 {status} Told So\r\ncontent-length: 9999\r\n\r\n{body}").as_bytes())?;
                self.hang(&stream)
            }
        }
    }

    /// Waits until the other side has gone, or the test has ended.
    fn hang(&self, mut stream: &TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_millis(100)))?;
        while !self.ended.load(SeqCst) {
            match stream.read(&mut [0]) {
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                _ => return Ok(()),
            }
        }
        Ok(())
    }
}

fn write(mut stream: &TcpStream, status: u16, headers: &[(&str, String)], body: &str) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {status} Told So\r\nconnection: close\r\n");
    if status != 204 {
        head += &format!("content-length: {}\r\n", body.len());
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{head}\r\n{body}").as_bytes())
}
