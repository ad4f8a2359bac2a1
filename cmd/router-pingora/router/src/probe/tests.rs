//! Probes of loopback endpoints that are well, ill, slow and dead.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Mutex;
use std::time::Instant;

use lockstep_core::{Epoch, Fault, Origin};

use super::*;
use crate::driver::Options;

/// An endpoint that answers every request so, after a while; what it was asked is kept.
fn endpoint(status: &'static str, wait: Duration) -> (String, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(String::new()));
    let kept = asked.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut buffer = [0; 2048];
            let n = stream.read(&mut buffer).unwrap_or(0);
            *kept.lock().unwrap() += &String::from_utf8_lossy(&buffer[..n]);
            std::thread::sleep(wait);
            let text = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(text.as_bytes()); // it may have hung up
        }
    });
    (url, asked)
}

/// Runs a driver over one endpoint until it has been probed so often, and tells whether the endpoint
/// is healthy then.
fn healthy_after(url: &str, health: &str, probes: u64) -> bool {
    let text = format!(
        "lockstep: 1\nversion: v\nplacements:\n  p:\n    endpoints: {{e: {{url: \"{url}\"}}}}\n    health: {{every: 20ms, timeout: 200ms, fall: 1, rise: 1{health}}}\n"
    );
    let config = lockstep_config::File::parse("t", text.as_bytes()).and_then(|f| f.compile());
    let config = config.unwrap_or_else(|e| panic!("{e}"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let driver = Driver::new(Options::default());
    let (prober, of) = (Prober::new(ask(), runtime.handle().clone()), driver.clone());
    let seen = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let count = seen.clone();
    driver.handle(move |d| {
        if d.kind == DecisionKind::PROBE {
            count.fetch_add(1, std::sync::atomic::Ordering::AcqRel);
        }
        prober.sink(&of, d);
    });
    runtime.spawn(driver.clone().run());
    driver.adopt(Some(config), Epoch::default(), Origin::FILE, Fault::NONE);
    let end = Instant::now() + Duration::from_secs(60);
    // One more than asked for: it is sent once the one before has been reported.
    while seen.load(std::sync::atomic::Ordering::Acquire) <= probes {
        assert!(Instant::now() < end, "never probed so often");
        std::thread::yield_now();
    }
    driver.close();
    driver.view(|r| r.endpoint(0).is_some_and(|e| !e.unhealthy))
}

#[test]
fn an_endpoint_is_healthy_if_it_says_so_in_time() {
    let none = Duration::ZERO;
    for (status, wait, health, want) in [
        ("200 OK", none, "", true),
        ("204 No Content", none, "", true),
        ("302 Found", none, "", false),
        ("503 Service Unavailable", none, "", false),
        ("200 OK", Duration::from_secs(2), "", false),
        ("503 Service Unavailable", none, ", tcp: true", true),
    ] {
        let (url, _) = endpoint(status, wait);
        assert_eq!(healthy_after(&url, health, 2), want, "{status} {health} after {wait:?}");
    }
    let (plain, _) = endpoint("200 OK", none);
    assert!(!healthy_after(&plain.replace("http:", "https:"), ", tls: true", 2), "no TLS is there");
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap(); // closed again
    assert!(!healthy_after(&format!("http://{dead}"), "", 2));
}

#[test]
fn a_probe_is_a_get_of_the_configured_path_and_says_who_asks() {
    let (url, asked) = endpoint("200 OK", Duration::ZERO);
    assert!(healthy_after(&url, ", get: /up", 1));
    let asked = asked.lock().unwrap().to_lowercase();
    assert!(asked.starts_with("get /up http/1.1\r\n"), "{asked}");
    assert!(asked.contains("\r\nuser-agent: lockstep-health\r\n") && asked.contains("\r\nhost: 127.0.0.1:"), "{asked}");
}
