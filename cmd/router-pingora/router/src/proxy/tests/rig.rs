//! A router on a loopback socket, and origins that do as they are told.

use std::future::Future;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use lockstep_core::{
    Class, Config, Decision, DecisionKind, EndpointSpec, Epoch, Event, EventKind, Fault, HealthSpec, KeySpec,
    MILLISECOND, Origin, PlacementSpec, Router, Spec, Time,
};
use pingora::apps::ServerApp;
use pingora::protocols::GetSocketDigest;
use pingora::protocols::SocketDigest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::super::{AccessLog, Edge, Listener, LogOptions, Options, Proxy};
use crate::driver::{self, Driver, Recorder, Request};

/// How an attempt ended, as core was told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ended {
    pub(super) class: Class,
    pub(super) status: u16,
    pub(super) sent: bool,
}

/// Writes down what core is told.
#[derive(Clone, Default)]
pub(super) struct Spy(Arc<Mutex<Vec<Ended>>>, Arc<Mutex<Vec<u16>>>);

impl Recorder for Spy {
    fn start(&mut self, _: &mut Router, _: SystemTime) {}
    fn observe(&mut self, _: &mut Router, _: Time, e: &Event, _: Option<Request<'_>>, _: &[Decision]) {
        match e.kind {
            EventKind::FINISH => self.0.lock().unwrap().push(Ended { class: e.class, status: e.status, sent: e.sent }),
            EventKind::REPLY => self.1.lock().unwrap().push(e.status),
            _ => {}
        }
    }
}

impl Spy {
    pub(super) fn ended(&self) -> Vec<Ended> {
        self.0.lock().unwrap().clone()
    }

    pub(super) fn replied(&self) -> Vec<u16> {
        self.1.lock().unwrap().clone()
    }
}

#[derive(Clone, Default)]
pub(super) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, b: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(b);
        Ok(b.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A router under test.
pub(super) struct Rig {
    pub(super) driver: Arc<Driver>,
    pub(super) proxy: Arc<Proxy>,
    pub(super) spy: Spy,
    lines: Lines,
    address: std::net::SocketAddr,
    _alive: watch::Sender<bool>,
}

/// A placement of one endpoint, without probes, with times that a test can wait for.
pub(super) fn place(name: &str, urls: &[String]) -> PlacementSpec {
    let mut p = PlacementSpec { name: name.into(), ..PlacementSpec::default() };
    p.endpoints = urls.iter().map(|u| EndpointSpec { url: u.clone(), ..EndpointSpec::default() }).collect();
    p.health = HealthSpec { off: true, ..HealthSpec::default() };
    p.timeouts.connect = 250 * MILLISECOND;
    p.timeouts.response_header = 400 * MILLISECOND;
    p.timeouts.request = 900 * MILLISECOND;
    p.timeouts.body_idle = 400 * MILLISECOND;
    p.timeouts.settle = 50 * MILLISECOND;
    p
}

pub(super) fn spec(places: Vec<PlacementSpec>) -> Spec {
    Spec {
        version: "1".into(),
        keys: places.iter().map(|p| KeySpec { key: p.name.clone().into_bytes(), placement: p.name.clone() }).collect(),
        default: places[0].name.clone(),
        placements: places,
        ..Spec::default()
    }
}

impl Rig {
    /// A router whose only placement, visa, is that URL.
    pub(super) async fn one(url: &str) -> Rig {
        Rig::new(spec(vec![place("visa", &[url.to_string()])])).await
    }

    pub(super) async fn new(spec: Spec) -> Rig {
        Rig::with(Some(spec), Listener::default()).await
    }

    pub(super) async fn with(spec: Option<Spec>, listener: Listener) -> Rig {
        let (spy, lines) = (Spy::default(), Lines::default());
        let driver =
            Driver::new(driver::Options { recorder: Some(Box::new(spy.clone())), ..driver::Options::default() });
        let log = AccessLog::new(Box::new(lines.clone()), LogOptions { detail: true, ..LogOptions::default() });
        let info =
            || super::super::ConfigInfo { version: "1".into(), source: "file", last_reload_at: SystemTime::UNIX_EPOCH };
        let o = Options { log: Some(log), config: Some(Box::new(info)), ..Options::default() };
        let proxy = Proxy::new(driver.clone(), o);
        let sink = proxy.clone();
        driver.handle(move |d| sink.deliver(d));
        tokio::spawn(driver.clone().run());
        let (alive, shutdown) = watch::channel(false);
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let edge = Arc::new(proxy.edge(listener));
        tokio::spawn(accept(socket, edge, shutdown));
        let rig = Rig { driver, proxy, spy, lines, address, _alive: alive };
        if let Some(spec) = spec {
            rig.adopt(spec);
        }
        rig
    }

    pub(super) fn adopt(&self, spec: Spec) {
        let config: Arc<Config> = Config::compile(&spec).unwrap();
        super::super::check(&config).unwrap();
        let d = self.driver.adopt(Some(config), Epoch::default(), Origin::FILE, Fault::NONE);
        assert_eq!(d.kind, DecisionKind::ACK);
    }

    pub(super) async fn dial(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends a text on a connection of its own and returns all that comes back until it is closed.
    pub(super) async fn talk(&self, text: &str) -> String {
        let mut c = self.dial().await;
        c.write_all(text.as_bytes()).await.unwrap();
        read_all(&mut c).await
    }

    /// GETs / with a key, on a connection that ends with it.
    pub(super) async fn get(&self, key: &str) -> Answer {
        Answer::of(
            &self
                .talk(&format!("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Routing-Key: {key}\r\n\r\n"))
                .await,
        )
    }

    /// What core was told of the only attempt, once it has ended.
    pub(super) async fn ended(&self) -> Ended {
        until("an attempt ends", || self.spy.ended().first().copied()).await
    }

    /// The lines of the log so far.
    pub(super) fn log(&self) -> Vec<serde_json::Value> {
        self.proxy.flush_log();
        let text = String::from_utf8(self.lines.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
    }

    /// The line of the only request, once it is there.
    pub(super) async fn line(&self) -> serde_json::Value {
        until("a line", || self.log().into_iter().next()).await
    }

    pub(super) fn in_flight(&self) -> usize {
        self.driver.view(|r| r.in_flight())
    }
}

async fn accept(socket: TcpListener, edge: Arc<Edge>, shutdown: watch::Receiver<bool>) {
    while let Ok((c, from)) = socket.accept().await {
        let digest = SocketDigest::from_raw_fd(c.as_raw_fd());
        digest.peer_addr.set(Some(from.into())).unwrap();
        let mut stream: pingora::protocols::l4::stream::Stream = c.into();
        stream.set_socket_digest(digest);
        let (edge, shutdown) = (edge.clone(), shutdown.clone());
        tokio::spawn(async move { edge.process_new(Box::new(stream), &shutdown).await });
    }
}

/// Reads until the other side closes, a reset included.
pub(super) async fn read_all(c: &mut TcpStream) -> String {
    let (mut out, mut room) = (Vec::new(), [0; 4096]);
    let read = async {
        while let Ok(n @ 1..) = c.read(&mut room).await {
            out.extend_from_slice(&room[..n]);
        }
    };
    tokio::time::timeout(Duration::from_secs(10), read).await.expect("the connection is closed within 10 s");
    String::from_utf8_lossy(&out).into_owned()
}

/// Reads until what came ends with a text.
pub(super) async fn read_until(c: &mut TcpStream, end: &str) -> String {
    let (mut out, mut room) = (Vec::new(), [0; 4096]);
    let read = async {
        while !out.ends_with(end.as_bytes()) {
            match c.read(&mut room).await {
                Ok(n @ 1..) => out.extend_from_slice(&room[..n]),
                other => panic!("{other:?} after {:?}", String::from_utf8_lossy(&out)),
            }
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(10), read).await;
    assert!(done.is_ok(), "no {end:?} within 10 s, but {:?}", String::from_utf8_lossy(&out));
    String::from_utf8(out).unwrap()
}

/// Waits for a condition; 10 s without it is a failure.
pub(super) async fn until<T>(what: &str, mut f: impl FnMut() -> Option<T>) -> T {
    let begun = std::time::Instant::now();
    loop {
        if let Some(v) = f() {
            return v;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{what} within 10 s");
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// An answer, read apart.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn of(text: &str) -> Answer {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        Answer { status, head: head.to_string(), body: body.to_string() }
    }

    /// The value of a header, "" for none.
    pub(super) fn header(&self, name: &str) -> &str {
        let mut fields = self.head.lines().skip(1).filter_map(|l| l.split_once(": "));
        fields.find(|(n, _)| n.eq_ignore_ascii_case(name)).map_or("", |(_, v)| v)
    }
}

/// An origin: a URL, and what it does with each connection.
pub(super) async fn origin<F, R>(serve: F) -> String
where
    F: Fn(TcpStream) -> R + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((c, _)) = socket.accept().await {
            tokio::spawn(serve(c));
        }
    });
    url
}

/// An origin that reads one request's head and answers with a text, then closes.
pub(super) async fn says(text: &'static str) -> String {
    origin(move |mut c| async move {
        head(&mut c).await;
        let _ = c.write_all(text.as_bytes()).await;
    })
    .await
}

/// An origin that reads one request's head and answers with a text, then keeps the connection open.
pub(super) async fn says_and_stays(text: &'static str) -> String {
    origin(move |mut c| async move {
        head(&mut c).await;
        let _ = c.write_all(text.as_bytes()).await;
        read_all(&mut c).await;
    })
    .await
}

/// Reads a request's head; what came of its body is lost with it.
pub(super) async fn head(c: &mut TcpStream) -> String {
    let mut out = Vec::new();
    while !out.ends_with(b"\r\n\r\n") {
        match c.read_u8().await {
            Ok(b) => out.push(b),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// An origin that answers each request of a connection with its own head as body.
pub(super) async fn echo() -> String {
    origin(|mut c| async move {
        loop {
            let text = head(&mut c).await;
            if text.is_empty() {
                return;
            }
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len());
            if c.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    })
    .await
}
