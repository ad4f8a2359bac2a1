//! What the tests of the whole process share: the program, cells behind it, and a plain client.
#![allow(dead_code, clippy::unwrap_used)] // each test file uses a part of it

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Longer than any machine takes; a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_router-pingora");

/// A folder of one test, removed at its end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let unique = format!("router-pingora-{name}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(unique);
        let _ = std::fs::remove_dir_all(&path); // of a run before
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_string()
    }

    /// Replaces a file as an editor does.
    pub fn write(&self, name: &str, text: &str) -> String {
        let (beside, path) = (self.path(&format!(".{name}")), self.path(name));
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(beside, &path).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0); // it stays behind then
    }
}

/// An upstream that says its name, and waits before it does where the path is /slow/MS.
pub struct Cell {
    pub address: SocketAddr,
}

impl Cell {
    pub fn start(name: &'static str) -> Cell {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                std::thread::spawn(move || answer(stream, name));
            }
        });
        Cell { address }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn answer(stream: TcpStream, name: &str) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        let mut line = String::new();
        while reader.read_line(&mut line).unwrap_or(0) > 2 {
            line.clear();
        }
        let path = first.split(' ').nth(1).unwrap_or_default();
        if let Some(ms) = path.strip_prefix("/slow/") {
            std::thread::sleep(Duration::from_millis(ms.parse().unwrap()));
        }
        let text = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len());
        if stream.write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}

/// A process whose standard error is watched.
pub struct Process {
    child: Child,
    lines: Receiver<String>,
    pub said: Arc<Mutex<String>>,
}

impl Process {
    pub fn start(program: &str, args: &[&str]) -> Process {
        let mut command = Command::new(program);
        for name in ["CONFIG_PATH", "PORT", "CONTROL_PLANE_URL"] {
            command.env_remove(name);
        }
        let mut child = command.args(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (tell, lines) = channel();
        let said = Arc::new(Mutex::new(String::new()));
        let (stderr, all) = (child.stderr.take().unwrap(), said.clone());
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                *all.lock().unwrap() += &(line.clone() + "\n");
                let _ = tell.send(line); // its error: nobody waits any more
            }
        });
        Process { child, lines, said }
    }

    /// Waits for a line that holds a text and returns it.
    pub fn wait_for(&self, text: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(text) => return line,
                Ok(_) => {}
                Err(e) => panic!("it never said {text:?} ({e}), but:\n{}", self.said.lock().unwrap()),
            }
        }
    }

    /// Waits until it serves, and returns where.
    pub fn serving(&self) -> SocketAddr {
        let line = self.wait_for("msg=serving");
        line.rsplit_once("address=").unwrap().1.trim().parse().unwrap()
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end.
    pub fn end(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "it does not end:\n{}", self.said.lock().unwrap());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.end()
    }

    /// Ends it as a crash does.
    pub fn kill(&mut self) {
        let _ = self.child.kill(); // it has ended
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An answer as it came.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<String> {
        let line = self.head.lines().find(|l| l.to_lowercase().starts_with(&format!("{}:", name.to_lowercase())))?;
        Some(line.split_once(':')?.1.trim().to_string())
    }
}

/// Sends GET over a connection of its own.
pub fn get(to: SocketAddr, path: &str, headers: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n{headers}\r\n")?;
    let mut all = String::new();
    stream.read_to_string(&mut all)?;
    let (head, body) = all.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or(std::io::ErrorKind::InvalidData)?;
    Ok(Answer { status, head: head.into(), body: body.into() })
}

/// Asks again until what comes is right: what is pushed takes a moment to be in force.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until a router says that a version is in force.
pub fn in_force(at: SocketAddr, version: &str) -> String {
    let want = format!("{{\"version\":\"{version}\"");
    until(&format!("version {version} in force"), || {
        get(at, "/debug/config", "").ok().map(|a| a.body).filter(|body| body.starts_with(&want))
    })
}

/// A configuration of the second baseline form with one key, a, at one cell.
pub fn config(version: &str, cell: &Cell) -> String {
    format!(
        r#"{{"version":"{version}","routingTable":{{"a":"p"}},"placements":{{"p":{{"url":"{}"}}}},"defaultPlacement":"p"}}"#,
        cell.url()
    )
}

/// The Go router's program: LOCKSTEP names it, else it is built. None without Go, and that is said.
pub fn lockstep() -> Option<&'static str> {
    static BUILT: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let build = || {
        if let Ok(program) = std::env::var("LOCKSTEP") {
            return Some(program);
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lockstep");
        let built =
            Command::new("go").current_dir(root).arg("build").arg("-o").arg(&program).arg("./cmd/lockstep").status();
        match built {
            Ok(status) if status.success() => Some(program.to_str().unwrap().to_string()),
            Ok(status) => panic!("building the Go router: {status}"),
            Err(e) => {
                eprintln!("SKIPPED: there is no Go here ({e}), so the Go router was not tried beside this one");
                None
            }
        }
    };
    BUILT.get_or_init(build).as_deref()
}
