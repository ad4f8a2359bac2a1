//! What a router has learnt, as one process hands it to the next. Pingora hands over sockets alone; so
//! beside its socket of the hot upgrade there is one of ours, on which the predecessor says its state
//! to whoever connects: a length (8 bytes, big endian) and that many bytes, in the Go router's form.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lockstep_core::{Router, snapshot_config};
use lockstep_trace::{Header, Reader, append_config, append_file};

use super::upgrade;
use crate::driver::Driver;
use crate::say;

/// Bounds what a successor reads: a million keys take about 50 MB.
const MAX_STATE: u64 = 1 << 30;
/// A predecessor that says nothing for so long is asked no more.
const PATIENCE: Duration = Duration::from_secs(10);

/// A router after `succeed`, and the wall time of its time 0.
pub type State = (Router, SystemTime);

/// Where a predecessor says its state.
pub fn socket(upgrade_sock: &Path) -> PathBuf {
    let mut name = upgrade_sock.as_os_str().to_owned();
    name.push(".state");
    name.into()
}

/// Says the state to every successor that asks, until the process ends. The error is that of opening
/// the socket.
pub fn offer(driver: Arc<Driver>, upgrade_sock: &Path) -> std::io::Result<()> {
    let path = socket(upgrade_sock);
    let _ = std::fs::remove_file(&path); // of an upgrade before
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    std::thread::Builder::new().name("state".into()).spawn(move || {
        for stream in listener.incoming() {
            let state = take(&driver);
            let length = (state.len() as u64).to_be_bytes();
            if let Err(e) = stream.and_then(|mut s| s.write_all(&length).and_then(|()| s.write_all(&state))) {
                say!(Warn, "a successor did not take over what this process has learnt", "error" = e);
            }
        }
    })?;
    Ok(())
}

/// Asks a predecessor for what it has learnt. Without it the router begins with nothing learnt, as at
/// any other start.
pub fn ask(upgrade_sock: &Path) -> Option<State> {
    let path = socket(upgrade_sock);
    if path.exists() && !upgrade::is_ours(&path) {
        say!(
            Warn,
            "the predecessor's socket is another user's: breakers and health begin anew",
            "path" = path.display()
        );
        return None;
    }
    let state = fetch(&path).map_err(|e| e.to_string()).and_then(|bytes| read(&bytes));
    let _ = std::fs::remove_file(&path); // nobody else is to ask
    match state {
        Ok(Some(state)) => {
            say!(Info, "breakers, health and epoch are the predecessor's", "epoch" = state.0.epoch().number);
            return Some(state);
        }
        Ok(None) => {}
        Err(e) => say!(Warn, "nothing is taken over from the predecessor: breakers and health begin anew", "error" = e),
    }
    None
}

fn fetch(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut length = [0; 8];
    stream.read_exact(&mut length)?;
    let length = u64::from_be_bytes(length);
    if length > MAX_STATE {
        return Err(std::io::Error::other(format!("it has {length} bytes, more than {MAX_STATE}")));
    }
    let mut state = Vec::new();
    stream.take(length).read_to_end(&mut state)?;
    if state.len() as u64 != length {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(state)
}

/// Writes down the state of a running router: its snapshot with the configuration that it names, in
/// the format of recordings. It holds the lock for one snapshot. Before the first configuration there
/// is nothing to write.
fn take(driver: &Driver) -> Vec<u8> {
    let (snapshot, config) = driver.view(|r| {
        let mut snapshot = Vec::new();
        r.snapshot(&mut snapshot);
        (snapshot, r.config().cloned())
    });
    let Some(config) = config else { return Vec::new() };
    let origin = driver.origin().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as i64);
    let mut file = Vec::new();
    append_file(&mut file, &Header { origin, ..Header::default() });
    append_config(&mut file, &config);
    let mut out = Vec::new();
    let mut length = file.len() as u64;
    while length >= 0x80 {
        out.push(length as u8 | 0x80); // seven bits at a time
        length >>= 7;
    }
    out.push(length as u8); // what is left of them
    out.extend(file);
    out.extend(snapshot);
    out
}

/// Reads what `take` wrote, perhaps in another version of this program. None means that there was
/// nothing.
fn read(bytes: &[u8]) -> Result<Option<State>, String> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let about = |e: &dyn std::fmt::Display| format!("reading a predecessor's state: {e}");
    let (length, head) = uvarint(bytes).ok_or_else(|| about(&"it is cut off"))?;
    let rest = &bytes[head..];
    let at = usize::try_from(length).ok().filter(|&n| n <= rest.len()).ok_or_else(|| about(&"it is cut off"))?;
    let (file, snapshot) = rest.split_at(at);
    let mut reader = Reader::new(file).map_err(|e| about(&e))?;
    while reader.next().map_err(|e| about(&e))?.is_some() {}
    let (digest, _) = snapshot_config(snapshot).map_err(|e| about(&e))?;
    let mut router = Router::restore(snapshot, reader.config(digest).cloned(), false).map_err(|e| about(&e))?;
    router.succeed();
    let origin = u64::try_from(reader.header().origin).unwrap_or(0);
    Ok(Some((router, UNIX_EPOCH + Duration::from_nanos(origin))))
}

/// Reads a length and how many bytes it took.
fn uvarint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (i, &b) in bytes.iter().take(9).enumerate() {
        value |= u64::from(b & 0x7f) << (7 * i);
        if b < 0x80 {
            return Some((value, i + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use lockstep_core::{Circuit, Class, Epoch, Fault, Origin};

    use super::*;
    use crate::driver::{Arrival, Options};

    /// A driver whose only breaker is open.
    fn learnt() -> Arc<Driver> {
        let driver = Driver::new(Options { seed: 5, ..Options::default() });
        let text = r#"{"version":"v","routingTable":{},"cellEndpoints":{"p":"http://h:1"},"defaultPlacement":"p"}"#;
        let config = lockstep_config::File::parse("t", text.as_bytes()).unwrap().compile().unwrap();
        driver.adopt(Some(config), Epoch::default(), Origin::FILE, Fault::NONE);
        for n in 0..5 {
            let a = driver.arrive(&Arrival { key: b"a", id: [1, n], ..Arrival::default() });
            driver.finish(a.handle, Class::CONNECT_REFUSED, 502, false);
        }
        driver
    }

    fn breaker(driver: &Driver) -> Circuit {
        driver.view(|r| r.endpoint(0).map_or(Circuit::CLOSED, |e| e.breaker))
    }

    #[test]
    fn a_successor_knows_what_its_predecessor_has_learnt() {
        let sock = std::env::temp_dir().join(format!("router-pingora-state-{}.sock", std::process::id()));
        let old = learnt();
        assert_eq!(breaker(&old), Circuit::OPEN);
        offer(old.clone(), &sock).unwrap();
        let state = ask(&sock).expect("a state");
        let new = Driver::new(Options { router: Some(state), ..Options::default() });
        assert_eq!(breaker(&new), Circuit::OPEN);
        assert_eq!(new.config().map(|c| c.digest()), old.config().map(|c| c.digest()));
        assert!(new.now() >= old.view(|r| r.now()) && new.origin() == old.origin(), "time goes on");
        assert!(ask(&sock).is_none(), "nobody else may ask");
    }

    #[test]
    fn before_the_first_configuration_there_is_nothing_and_what_is_damaged_is_refused() {
        let none = take(&Driver::new(Options::default()));
        assert!(none.is_empty() && read(&none).unwrap().is_none());
        let whole = take(&learnt());
        assert!(read(&whole).unwrap().is_some());
        for cut in [1, 3, 20, whole.len() / 2, whole.len() - 1] {
            assert!(read(&whole[..cut]).is_err(), "cut at {cut}");
        }
        assert!(read(&[0xff; 32]).is_err());
    }
}
