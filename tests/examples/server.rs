//! A small HTTP/1.1 server in place of the one that an example calls.

use std::{
    io::{BufRead, BufReader, ErrorKind, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use super::{PATIENCE, port::free_port};

/// An HTTP/1.1 server that records what it was sent. It ends with the test.
pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Seen>,
    accepting: Option<thread::JoinHandle<()>>,
}

#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<Request>>,
    connections: AtomicUsize,
    stop: AtomicBool,
}

#[derive(Clone, Debug)]
pub struct Request {
    pub line: String,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// How the server replies to a request.
pub enum Reply {
    /// Answers.
    Whole(String),
    /// Sends a response without its last byte, and keeps the connection open.
    Partial,
    /// Sends nothing, and keeps the connection open.
    Never,
    /// Closes the connection without a response.
    Close,
}

impl Reply {
    pub fn whole(status: u16, body: &str) -> Self {
        // A redirect that is followed would come back to this server, and be recorded.
        let head = format!("HTTP/1.1 {status} x\r\nLocation: /\r\nContent-Length: {}\r\n\r\n", body.len());
        Self::Whole(head + body)
    }
}

impl Server {
    pub fn answering(status: u16, body: &str) -> Self {
        let body = body.to_owned();
        Self::start(move |_| Reply::whole(status, &body))
    }

    pub fn start(reply: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let (shared, reply) = (Arc::clone(&seen), Arc::new(reply));
        let accepting = thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stop.load(SeqCst) {
                    return;
                }
                shared.connections.fetch_add(1, SeqCst);
                let (stream, shared, reply) = (stream.unwrap(), Arc::clone(&shared), Arc::clone(&reply));
                // Ends when the example does, which closes its connections.
                thread::spawn(move || serve(&stream, &shared, &*reply));
            }
        });
        Self { address, seen, accepting: Some(accepting) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn connections(&self) -> usize {
        self.seen.connections.load(SeqCst)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.seen.requests.lock().unwrap().clone()
    }

    pub fn only_request(&self) -> Request {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests.remove(0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.seen.stop.store(true, SeqCst);
        // Wakes the thread that accepts, so that it sees the flag.
        let _ = TcpStream::connect(self.address);
        let _ = self.accepting.take().map(thread::JoinHandle::join);
    }
}

/// Serves one connection until the example closes it.
fn serve(mut stream: &TcpStream, seen: &Seen, reply: &dyn Fn(&Request) -> Reply) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut reader = BufReader::new(stream);
    while let Some(request) = Request::read(&mut reader) {
        seen.requests.lock().unwrap().push(request.clone());
        // The example may have closed the connection.
        let _ = match reply(&request) {
            Reply::Whole(text) => stream.write_all(text.as_bytes()),
            Reply::Partial => stream.write_all(b"HTTP/1.1 200 x\r\nContent-Length: 2\r\n\r\n{"),
            Reply::Never => Ok(()),
            Reply::Close => return,
        };
    }
}

impl Request {
    /// The next request; `None` where the connection ended before it.
    fn read(reader: &mut impl BufRead) -> Option<Self> {
        let line = read_line(reader)?;
        let mut headers = Vec::new();
        loop {
            let header = read_line(reader).expect("a complete request head");
            let Some((name, value)) = header.split_once(':') else { break };
            headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
        let mut request = Self { line, headers, body: Vec::new() };
        let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
        request.body = vec![0; length];
        reader.read_exact(&mut request.body).expect("a complete body");
        Some(request)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    pub fn query(&self) -> &str {
        let (_, rest) = self.line.split_once('?').expect("a query");
        rest.strip_suffix(" HTTP/1.1").expect("HTTP/1.1")
    }
}

/// One line without its end; `None` at the connection's end, or where nothing comes any more.
fn read_line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    match reader.read_line(&mut line) {
        Ok(0) => None,
        Ok(_) => Some(line.trim_end().to_owned()),
        Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::WouldBlock) => None,
        Err(error) => panic!("{error}"),
    }
}

/// An address of this machine at which nobody listens.
pub fn closed_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, free_port()).into()
}
