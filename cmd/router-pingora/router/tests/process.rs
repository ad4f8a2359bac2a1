//! The whole process against loopback: how it begins, what it follows, and how it ends.

mod rig;

use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rig::{Cell, Folder, PROGRAM, Process, config, get, in_force, until};
use tokio_tungstenite::tungstenite::{Message, accept};

fn serve(config: &str, more: &[&str]) -> Process {
    Process::start(PROGRAM, &[&["serve", "-c", config, "--listen", "127.0.0.1:0", "--no-log"], more].concat())
}

#[test]
fn a_file_is_followed_and_an_invalid_one_changes_nothing() {
    let (folder, one, two) = (Folder::new("file"), Cell::start("one"), Cell::start("two"));
    let file = folder.write("c.json", &config("v1", &one));
    let mut router = serve(&file, &["--dumps", &folder.path("dumps")]);
    let at = router.serving();
    let body = in_force(at, "v1");
    assert!(
        body.starts_with(r#"{"version":"v1","source":"file","last_reload_at":"20"#) && body.ends_with("Z\"}\n"),
        "{body}"
    );
    let answer = get(at, "/x", "X-Routing-Key: a\r\n").unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "one"));
    assert_eq!(answer.header("X-Routed-To").as_deref(), Some("p"));
    folder.write("c.json", &config("v2", &two));
    in_force(at, "v2");
    assert_eq!(get(at, "/x", "X-Routing-Key: a\r\n").unwrap().body, "two");
    folder.write("c.json", "{\"version\":\"v3\"");
    router.wait_for("the changed configuration is refused");
    folder.write("c.json", &config("v3", &one).replace("\"a\":\"p\"", "\"a\":\"nowhere\""));
    let line = router.wait_for("the changed configuration is refused");
    assert!(line.contains("c.json:1:"), "no place: {line}");
    assert_eq!(get(at, "/x", "X-Routing-Key: a\r\n").unwrap().body, "two");
    assert!(router.stop().success());
}

#[test]
fn bad_input_ends_the_process_with_its_place_and_a_check_with_its_verdict() {
    let (folder, cell) = (Folder::new("bad"), Cell::start("c"));
    let bad = folder.write("bad.json", &config("v", &cell).replace("\"a\":\"p\"", "\"a\":\"nowhere\""));
    let good = folder.write("good.json", &config("v", &cell));
    let otlp = folder.write(
        "otlp.yaml",
        "lockstep: 1\ntracing: {otlp: \"http://x:1\"}\nplacements: {a: {endpoints: {x: {url: \"http://a:1\"}}}}\n",
    );
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (args, says) in [
        (&["serve", "-c", &bad][..], "bad.json:1:"),
        (&["check", &bad], "bad.json:1:"),
        (&["check", "--digest", &bad], "bad.json:1:"),
        (&["serve", "-c", &otlp], "otlp.yaml:2:"),
        (&["serve", "-c", &folder.path("none.json")], "none.json"),
        (&["serve"], "no configuration"),
        (&["serve", "-c", &good, "--otlp", "http://x"], "does not support --otlp"),
        (&["serve", "-c", &good, "--listen", &taken], "the port is taken by another program"),
        (&["serve", "-c", &good, "--admin", "9901"], "not host:port"),
        (&["serve", "-c", &good, "--control", "ws://control.example"], "there is no token"),
        (&["serve", "-c", &good, "--drain", "ten"], "not a duration"),
        (&["serve", "-c", &good, "--no-such-flag"], "--no-such-flag"),
        (&["replay", &folder.path("none.lst")], "none.lst"),
    ] {
        let out = Command::new(PROGRAM).args(args).env_remove("CONFIG_PATH").output().unwrap();
        let said = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
        let verdict = args[0] == "check"; // a bad file is what it is asked about
        assert_eq!(out.status.code(), Some(if verdict { 1 } else { 2 }), "{args:?}: {said}");
        assert!(said.contains(says), "{args:?}: {said}");
    }
}

/// A control plane that a test speaks for: it accepts one connection after the other.
struct Plane {
    url: String,
    heard: Receiver<String>,
    say: Arc<Mutex<Option<Sender<String>>>>, // to the connection of now
    connected: Receiver<()>,
}

impl Plane {
    fn start() -> Plane {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let (tell, heard) = channel();
        let (joined, connected) = channel();
        let say = Arc::new(Mutex::new(None));
        let current = say.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (send, to_send) = channel();
                *current.lock().unwrap() = Some(send);
                converse(stream, &tell, &to_send, &joined);
            }
        });
        Plane { url, heard, say, connected }
    }

    fn push(&self, message: &str) {
        self.say.lock().unwrap().as_ref().unwrap().send(message.into()).unwrap();
    }

    fn answer(&self) -> String {
        self.heard.recv_timeout(rig::PATIENCE).expect("an answer")
    }

    fn join(&self) {
        self.connected.recv_timeout(rig::PATIENCE).expect("a connection");
    }

    /// Drops the connection.
    fn hang_up(&self) {
        *self.say.lock().unwrap() = None;
    }
}

/// Speaks for the test until it hangs up.
fn converse(stream: TcpStream, tell: &Sender<String>, to_send: &Receiver<String>, joined: &Sender<()>) {
    let mut socket = accept(stream).unwrap();
    let _ = joined.send(()); // its error: the test has ended
    while let Ok(message) = to_send.recv() {
        socket.send(Message::text(message)).unwrap();
        loop {
            match socket.read() {
                Ok(Message::Text(text)) => break tell.send(text.to_string()).unwrap_or_default(),
                Ok(_) => {}
                Err(_) => return,
            }
        }
    }
}

fn snapshot(version: &str, cell: &Cell) -> String {
    format!(
        r#"{{"type":"config_snapshot","version":"{version}","routingTable":{{"a":"p"}},"cellEndpoints":{{"p":"{}"}},"defaultPlacement":"p"}}"#,
        cell.url()
    )
}

#[test]
fn a_baselines_control_plane_pushes_is_answered_and_is_come_back_to() {
    let (folder, cell, plane) = (Folder::new("control"), Cell::start("c"), Plane::start());
    let args = ["serve", "--listen", "127.0.0.1:0", "--no-log", "--control", &plane.url, "--dumps", &folder.path("d")];
    let mut router = Process::start(PROGRAM, &args);
    let at = router.serving();
    assert_eq!(get(at, "/x", "X-Routing-Key: a\r\n").unwrap().status, 503, "not ready before the first push");
    plane.join();
    plane.push(&snapshot("v1", &cell));
    assert_eq!(plane.answer(), r#"{"type":"ack","version":"v1"}"#);
    assert!(in_force(at, "v1").contains(r#""source":"control_plane""#));
    assert_eq!(get(at, "/x", "X-Routing-Key: a\r\n").unwrap().body, "c");
    for (message, says) in [
        (
            snapshot("v2", &cell).replace(r#""defaultPlacement":"p""#, r#""defaultPlacement":"q""#),
            r#"{"type":"nack","version":"v2","error":""#,
        ),
        (
            r#"{"type":"config_snapshot","version":"#.to_string(),
            r#"{"type":"nack","version":"","error":"reading the message"#,
        ),
        (
            format!(r#"{{"type":"config_snapshot","version":"v3","config":{:?}}}"#, config("v4", &cell)),
            r#"{"type":"nack","version":"v3","error":"the message says version"#,
        ),
    ] {
        plane.push(&message);
        let answer = plane.answer();
        assert!(answer.starts_with(says), "{answer}");
    }
    in_force(at, "v1");
    plane.push(&format!(r#"{{"type":"config_snapshot","version":"v5","config":{:?}}}"#, config("v5", &cell)));
    assert_eq!(plane.answer(), r#"{"type":"ack","version":"v5"}"#);
    plane.hang_up();
    router.wait_for("control plane away; the configuration in force stays");
    assert_eq!(get(at, "/x", "X-Routing-Key: a\r\n").unwrap().body, "c", "silence changes nothing (R13)");
    plane.join(); // 1 to 2 s later
    plane.push(&snapshot("v6", &cell));
    assert_eq!(plane.answer(), r#"{"type":"ack","version":"v6"}"#);
    assert!(router.stop().success());
}

#[test]
fn a_router_that_restarts_while_the_control_plane_is_away_serves_what_it_had() {
    let (folder, one, two, plane) = (Folder::new("restart"), Cell::start("one"), Cell::start("two"), Plane::start());
    let bootstrap = folder.write("c.json", &config("baked", &one));
    let (state, dumps) = (folder.path("state"), folder.path("d"));
    let control = |url: &str| serve(&bootstrap, &["--control", url, "--state", &state, "--dumps", &dumps]);
    let mut router = control(&plane.url);
    let at = router.serving();
    assert!(in_force(at, "baked").contains(r#""source":"file""#));
    plane.join();
    plane.push(&snapshot("pushed", &two));
    assert_eq!(plane.answer(), r#"{"type":"ack","version":"pushed"}"#);
    router.kill();
    let mut router = control("ws://127.0.0.1:9"); // nobody is there
    let at = router.serving();
    in_force(at, "pushed");
    assert_eq!(get(at, "/x", "X-Routing-Key: a\r\n").unwrap().body, "two");
    // A third run after two that died within the soak begins with the file: none has soaked.
    router.kill();
    let mut router = control("ws://127.0.0.1:9");
    router.wait_for("runs died with the newest copy within its soak");
    in_force(router.serving(), "baked");
    assert!(router.stop().success());
}

#[test]
fn a_drain_lets_what_is_under_way_finish_and_ends_as_soon_as_it_has() {
    let (folder, cell) = (Folder::new("drain"), Cell::start("c"));
    let file = folder.write("c.json", &config("v", &cell));
    let mut router = serve(&file, &["--drain", "30s", "--dumps", &folder.path("d"), "--record", &folder.path("rec")]);
    let at = router.serving();
    let slow = std::thread::spawn(move || get(at, "/slow/700", "X-Routing-Key: a\r\n").unwrap());
    until("the slow request is at work", || {
        let connections = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let port = format!("0100007F:{:04X} 0100007F:", cell.address.port());
        connections.lines().any(|l| l.contains(&port) && l.contains(" 01 ")).then_some(())
    });
    let begun = Instant::now();
    router.signal("TERM");
    let answer = slow.join().unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "c"));
    assert!(router.end().success());
    assert!(begun.elapsed() < Duration::from_secs(10), "it waited for the whole drain");
    let replay = Command::new(PROGRAM).args(["replay", &folder.path("rec")]).output().unwrap();
    let said = String::from_utf8_lossy(&replay.stdout).into_owned();
    assert!(replay.status.success() && said.contains("identical"), "{said}");
}

#[test]
fn the_end_of_a_drain_cuts_what_is_still_under_way() {
    let (folder, cell) = (Folder::new("cut"), Cell::start("c"));
    let file = folder.write("c.json", &config("v", &cell));
    let mut router = serve(&file, &["--drain", "300ms", "--dumps", &folder.path("d")]);
    let at = router.serving();
    let endless = std::thread::spawn(move || get(at, "/slow/20000", "X-Routing-Key: a\r\n").map(|a| a.status));
    until("the request is at work", || {
        let connections = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let port = format!("0100007F:{:04X} 0100007F:", cell.address.port());
        connections.lines().any(|l| l.contains(&port) && l.contains(" 01 ")).then_some(())
    });
    router.signal("TERM");
    assert!(router.end().success());
    assert_ne!(endless.join().unwrap().ok(), Some(200));
}

#[test]
fn an_upgrade_loses_no_request_and_one_without_a_successor_changes_nothing() {
    let (folder, cell) = (Folder::new("upgrade"), Cell::start("c"));
    let file = folder.write("c.json", &config("old", &cell));
    let (sock, dumps) = (folder.path("upgrade.sock"), folder.path("d"));
    let mut old = serve(&file, &["--upgrade-sock", &sock, "--dumps", &dumps]);
    let at = old.serving();
    old.signal("QUIT");
    old.wait_for("no upgrade: no successor waits");
    assert_eq!(get(at, "/x", "X-Routing-Key: a\r\n").unwrap().status, 200);

    let stop = Arc::new(AtomicBool::new(false));
    let ended = stop.clone();
    let load = std::thread::spawn(move || {
        let mut served = 0;
        while !ended.load(Ordering::Acquire) {
            let answer = get(at, "/x", "X-Routing-Key: a\r\n").expect("a request failed during the upgrade");
            assert_eq!(answer.status, 200, "{}", answer.head);
            served += 1;
        }
        served
    });
    let next = folder.write("next.json", &config("new", &cell));
    let address = at.to_string();
    let args = [
        "serve",
        "-c",
        &next,
        "--listen",
        &address,
        "--no-log",
        "--upgrade",
        "--upgrade-sock",
        &sock,
        "--dumps",
        &dumps,
    ];
    let mut successor = Process::start(PROGRAM, &args);
    until("the successor waits", || std::fs::exists(&sock).unwrap().then_some(()));
    until("the old one hands over", || {
        old.signal("QUIT");
        let said = old.said.lock().unwrap();
        said.contains("handing over the listening sockets").then_some(())
    });
    successor.wait_for("breakers, health and epoch are the predecessor's");
    successor.serving();
    assert!(old.end().success());
    in_force(at, "new");
    stop.store(true, Ordering::Release);
    assert!(load.join().unwrap() > 0);
    assert!(successor.stop().success());
}

#[test]
fn the_signal_that_upgrades_the_go_router_changes_nothing() {
    let (folder, cell) = (Folder::new("usr2"), Cell::start("c"));
    let mut router = serve(&folder.write("c.json", &config("v1", &cell)), &["--dumps", &folder.path("dumps")]);
    let at = router.serving();
    router.signal("USR2");
    router.wait_for("no upgrade: SIGUSR2");
    assert_eq!(get(at, "/x", "X-Routing-Key: a\r\n").unwrap().status, 200);
    assert!(router.stop().success());
}

#[test]
fn operators_see_what_is_in_force_whether_it_is_ready_and_its_metrics() {
    let (folder, cell) = (Folder::new("admin"), Cell::start("c"));
    let file = folder.write("c.json", &config("v", &cell));
    let mut router = serve(&file, &["--admin", "127.0.0.1:0", "--lame-duck", "700ms", "--dumps", &folder.path("d")]);
    let url = router.wait_for("admin listens");
    let admin = url.rsplit_once("http://").unwrap().1.trim_end_matches(['/', '"']).parse().unwrap();
    let at = router.serving();
    get(at, "/x", "X-Routing-Key: a\r\n").unwrap();
    let page = |path: &str| get(admin, path, "").unwrap();
    until("ready", || (page("/readyz").body == "ready\n").then_some(()));
    assert_eq!(page("/healthz").body, "ok\n");
    assert_eq!(page("/none").status, 404);
    let body = page("/debug/config").body;
    assert!(body.starts_with(r#"{"version":"v","source":"file","last_reload_at":"#), "{body}");
    assert!(
        body.ends_with(",\"placements\":1,\"endpoints\":1,\"keys\":1,\"in_flight\":0,\"draining\":false}\n"),
        "{body}"
    );
    let sample =
        "lockstep_requests_total{class=\"ok\",code=\"2xx\",failover=\"\",placement=\"p\",reason=\"dedicated\"} 1";
    until("the request is counted", || page("/metrics").body.lines().any(|l| l == sample).then_some(()));
    router.signal("TERM");
    until("a lame duck says so", || (page("/readyz").body == "not ready: about to drain\n").then_some(()));
    let answer = get(at, "/x", "X-Routing-Key: a\r\n").unwrap();
    assert_eq!((answer.status, answer.header("Connection").as_deref()), (200, Some("close")));
    assert!(router.end().success());
}

#[test]
fn the_newest_decisions_are_dumped_when_a_breaker_opens_and_when_asked() {
    let folder = Folder::new("dump");
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap(); // closed again
    let file = folder.write(
        "c.json",
        &format!(
            r#"{{"version":"v","routingTable":{{}},"cellEndpoints":{{"p":"http://{dead}"}},"defaultPlacement":"p"}}"#
        ),
    );
    let dumps = folder.path("d");
    let mut router = serve(&file, &["--dumps", &dumps]);
    let at = router.serving();
    for _ in 0..5 {
        assert_eq!(get(at, "/x", "X-Routing-Key: a\r\n").unwrap().status, 502);
    }
    let line = router.wait_for("the recording was dumped");
    assert!(line.contains("a breaker of p opened"), "{line}");
    router.signal("USR1");
    router.wait_for("why=SIGUSR1");
    let replay = Command::new(PROGRAM).args(["replay", &dumps]).output().unwrap();
    assert!(replay.status.success(), "{}", String::from_utf8_lossy(&replay.stdout));
    assert!(router.stop().success());
}
