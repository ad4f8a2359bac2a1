//! Whether a successor waits for the listening sockets.

use std::path::Path;

/// The flag of a socket that listens, in /proc/net/unix.
const ACCEPTS: u64 = 0x10000;

/// Reports whether a process listens on the socket of the hot upgrade. It does not connect: Pingora's
/// successor accepts one connection and takes it for the predecessor's.
pub fn somebody_waits(sock: &Path) -> bool {
    listens(&std::fs::read_to_string("/proc/net/unix").unwrap_or_default(), sock)
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
        drop(listener);
        assert!(sock.exists() && !somebody_waits(&sock), "it was left behind");
        std::fs::remove_file(&sock).unwrap();
    }
}
