//! A call whose sender goes away does not stay in memory.
//!
//! A batch of calls that are broken off is compared with one that is answered. Each runs on a workerd of its own, because
//! free memory that one leaves behind would hide what the other leaks. Batches are large: garbage alone comes to 100 MB.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use crate::{
    call::{APP, unsigned},
    origin::{self, Origin},
    worker::wait_for,
    workerd::Workerd,
};

/// A command whose body may have 1 MB.
const COMMAND: &str = "C2C.CallbackAfterSendMsg";

/// The calls in a batch, and how many are under way at a time.
const CALLS: usize = 400;
const AT_ONCE: usize = 20;

/// Bytes of a body, and how many of them are not sent where it is broken off.
const BODY: usize = 1_000_000;
const MISSING: usize = 100_000;

/// How many MB more a batch may add to memory when it is broken off.
const MARGIN: u64 = 30;

/// How long the Worker may take to notice what a sender has done.
const MOMENT: Duration = Duration::from_millis(100);

/// A request that declares its length, and one that does not.
fn requests() -> [(&'static str, Vec<u8>); 2] {
    let body = "x".repeat(BODY);
    let head = format!("POST /?{} HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\n", unsigned(APP, COMMAND));
    [
        ("Content-Length", format!("{head}Content-Length: {BODY}\r\n\r\n{body}").into()),
        ("chunked", format!("{head}Transfer-Encoding: chunked\r\n\r\n{BODY:x}\r\n{body}\r\n0\r\n\r\n").into()),
    ]
}

/// Sends a request, or a part of it, and waits for the interim response that it expects. That stays unread, so that the
/// connection is reset when it is dropped.
fn send(workerd: &Workerd, request: &[u8]) -> TcpStream {
    let mut call = TcpStream::connect(&workerd.address).unwrap();
    call.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    call.write_all(request).unwrap();
    call.peek(&mut [0]).unwrap();
    call
}

fn read_response(call: TcpStream) {
    let mut response = Vec::new();
    BufReader::new(call).read_until(b'}', &mut response).unwrap();
    let response = String::from_utf8(response).unwrap();
    assert!(response.contains(r#""ActionStatus":"OK""#), "{response}");
}

fn start(settings: &[(&str, &str)]) -> Workerd {
    Workerd::start(&[&[("SDK_APP_IDS", APP), ("ALLOW_UNSIGNED", "true")], settings].concat())
}

/// How many MB a batch adds to workerd's memory. `end` is given the calls under way and ends them.
fn growth(workerd: &Workerd, request: &[u8], end: impl Fn(Vec<TcpStream>)) -> u64 {
    let send_some = || end((0..AT_ONCE).map(|_| send(workerd, request)).collect());
    // The first calls need memory that later ones reuse.
    send_some();
    let before = settled_memory(workerd);
    (0..CALLS / AT_ONCE).for_each(|_| send_some());
    settled_memory(workerd).saturating_sub(before) / 1_000_000
}

/// The memory in bytes, once it has not changed for half a second.
fn settled_memory(workerd: &Workerd) -> u64 {
    let (mut last, mut unchanged) = (0, 0);
    wait_for("the memory to settle", || {
        let now = workerd.memory();
        unchanged = if now.abs_diff(last) < 1_000_000 { unchanged + 1 } else { 0 };
        last = now;
        (unchanged == 25).then_some(now)
    })
}

#[test]
#[ignore = "slow: make test-slow"]
fn a_call_whose_body_is_broken_off_does_not_stay_in_memory() {
    let measured = requests().map(|(framing, request)| {
        let (sent, missing) = request.split_at(request.len() - MISSING);
        let measure = |end: &dyn Fn(TcpStream)| {
            let workerd = start(&[]);
            let growth = growth(&workerd, sent, |calls| {
                thread::sleep(MOMENT);
                calls.into_iter().for_each(end);
            });
            (growth, workerd.log().iter().filter(|line| line.contains(r#""reason":"body_broken""#)).count())
        };
        let (answered, _) = measure(&|mut call| {
            call.write_all(missing).unwrap();
            read_response(call);
        });
        let (broken_off, logged) = measure(&drop);
        let figures =
            format!("{framing}: {answered} MB answered, {broken_off} MB broken off, {logged} of these logged");
        println!("{figures}");
        // A call that logs nothing has not ended: at least its request head is still in memory.
        (figures, broken_off <= answered + MARGIN && logged == AT_ONCE + CALLS)
    });
    for (figures, fine) in measured {
        assert!(fine, "{figures}");
    }
}

#[test]
#[ignore = "slow: make test-slow"]
fn a_call_that_is_broken_off_while_it_is_relayed_does_not_stay_in_memory() {
    // How many calls wait for the origin. It answers them once this is reset to 0.
    let waiting = Arc::new(AtomicUsize::new(0));
    let waits = Arc::clone(&waiting);
    let origin = Origin::start(move |_| {
        waits.fetch_add(1, SeqCst);
        wait_for("the test to let the origin answer", || (waits.load(SeqCst) == 0).then_some(()));
        origin::ok()
    });
    let url = origin.url();
    let [(_, request), _] = requests();
    let measure = |is_broken_off: bool| {
        growth(&start(&[("ORIGIN_URL", &url)]), &request, |mut calls| {
            wait_for("the calls to arrive", || (waiting.load(SeqCst) == AT_ONCE).then_some(()));
            if is_broken_off {
                calls.clear();
                thread::sleep(MOMENT);
            }
            waiting.store(0, SeqCst);
            calls.into_iter().for_each(read_response);
            wait_for("the origin to answer", || (origin.count() == AT_ONCE).then_some(()));
            origin.forget();
        })
    };
    let (answered, broken_off) = (measure(false), measure(true));
    let figures = format!("relayed: {answered} MB answered, {broken_off} MB broken off");
    println!("{figures}");
    assert!(broken_off <= answered + MARGIN, "{figures}");
}
