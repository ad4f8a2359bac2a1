//! Whether a successor waits for the listening sockets.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// The flag of a socket that listens, in /proc/net/unix.
const ACCEPTS: u64 = 0x10000;

/// How long a successor may take from making its socket to listening on it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Is `somebody_waits`, and gives a successor whose socket is there already a moment to listen on it.
pub async fn somebody_comes(sock: &Path) -> bool {
    let until = Instant::now() + PATIENCE;
    while !somebody_waits(sock) {
        if !sock.exists() || Instant::now() > until {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    true
}

/// Whether a socket was made by the user of this process. In a folder that everybody may write to,
/// such as that of temporary files, somebody else can make one of that name, and would be handed the
/// listening sockets, or tell what was learnt. What is not there is nobody's.
pub fn is_ours(sock: &Path) -> bool {
    let owner = |path: &Path| std::fs::symlink_metadata(path).ok().map(|m| m.uid());
    let user = std::fs::metadata("/proc/self").ok().map(|m| m.uid());
    owner(sock).is_some_and(|owner| Some(owner) == user)
}

/// Reports whether a process listens on the socket of the hot upgrade. It does not connect: Pingora's
/// successor accepts one connection and takes it for the predecessor's.
fn somebody_waits(sock: &Path) -> bool {
    is_ours(sock) && listens(&std::fs::read_to_string("/proc/net/unix").unwrap_or_default(), sock)
}

/// Looks for a listening socket of that name. A line is: number, references, protocol, flags, type,
/// state, inode, path.
fn listens(table: &str, sock: &Path) -> bool {
    table.lines().any(|line| {
        let mut fields = line.split_ascii_whitespace();
        let flags = fields.nth(3).and_then(|f| u64::from_str_radix(f, 16).ok()).unwrap_or(0);
        flags & ACCEPTS != 0 && fields.nth(3).is_some_and(|path| Path::new(path) == sock)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_successor_is_seen_while_it_listens_and_a_file_left_behind_is_none() {
        let sock = std::env::temp_dir().join(format!("router-pingora-upgrade-test-{}.sock", std::process::id()));
        let _ = std::fs::remove_file(&sock); // of a run before
        assert!(!somebody_waits(&sock), "nothing is there");
        let listener = UnixListener::bind(&sock).unwrap();
        assert!(somebody_waits(&sock), "one listens");
        // Where this user may: as if somebody else had made it.
        if std::os::unix::fs::chown(&sock, Some(12345), None).is_ok() {
            assert!(!somebody_waits(&sock), "somebody else would be handed the listening sockets");
            std::os::unix::fs::chown(&sock, Some(std::fs::metadata("/proc/self").unwrap().uid()), None).unwrap();
        }
        drop(listener);
        assert!(sock.exists() && !somebody_waits(&sock), "it was left behind");
        std::fs::remove_file(&sock).unwrap();
    }
}
