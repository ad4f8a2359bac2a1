//! What systemd (or whoever listens on NOTIFY_SOCKET) is told, by the protocol of sd_notify(3).

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::say;

/// Tells a service manager what the process does; without one it tells nobody.
pub struct Notifier {
    to: Option<SocketAddr>,
}

impl Notifier {
    /// Takes the address that NOTIFY_SOCKET names.
    pub fn new(name: Option<String>) -> Notifier {
        let to = name.filter(|n| !n.is_empty()).and_then(|name| match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name).ok(),
            None => SocketAddr::from_pathname(name).ok(),
        });
        Notifier { to }
    }

    /// The service has started, or has reloaded. After a hot upgrade this process is the service.
    pub fn ready(&self) {
        self.send(&format!("READY=1\nMAINPID={}", std::process::id()));
    }

    /// A reload has begun; `ready` ends it.
    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |t| t.tv_sec() * 1_000_000 + t.tv_nsec() / 1000);
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={now}"));
    }

    /// The service ends.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// Resets the watchdog.
    pub fn alive(&self) {
        self.send("WATCHDOG=1");
    }

    fn send(&self, text: &str) {
        let Some(to) = &self.to else { return };
        let sent = UnixDatagram::unbound().and_then(|socket| socket.send_to_addr(text.as_bytes(), to));
        if let Err(e) = sent {
            say!(Warn, "systemd was not told", "error" = e);
        }
    }
}

/// Is how often the service manager wants to hear `alive`, half of the time that it waits; None means
/// never.
pub fn watchdog(env: impl Fn(&str) -> Option<String>) -> Option<Duration> {
    let usec: u64 = env("WATCHDOG_USEC")?.parse().ok().filter(|&n| n > 0)?;
    let meant = env("WATCHDOG_PID").is_none_or(|pid| pid.is_empty() || pid == std::process::id().to_string());
    meant.then(|| Duration::from_micros(usec) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_manager_hears_that_the_router_serves_and_ends() {
        let path = std::env::temp_dir().join(format!("router-pingora-notify-{}", std::process::id()));
        let _ = std::fs::remove_file(&path); // of a run before
        let socket = UnixDatagram::bind(&path).unwrap();
        let notify = Notifier::new(Some(path.to_str().unwrap().into()));
        notify.ready();
        notify.stopping();
        let heard = || {
            let mut buffer = [0; 200];
            let n = socket.recv(&mut buffer).unwrap();
            String::from_utf8_lossy(&buffer[..n]).into_owned()
        };
        assert_eq!(heard(), format!("READY=1\nMAINPID={}", std::process::id()));
        assert_eq!(heard(), "STOPPING=1");
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn the_watchdog_is_meant_for_the_process_that_it_names() {
        let env = |pid: &str| {
            let pid = pid.to_string();
            move |name: &str| match name {
                "WATCHDOG_USEC" => Some("30000000".into()),
                "WATCHDOG_PID" => Some(pid.clone()),
                _ => None,
            }
        };
        assert_eq!(watchdog(env(&std::process::id().to_string())), Some(Duration::from_secs(15)));
        assert_eq!(watchdog(env("1")), None);
        assert_eq!(watchdog(|_| None), None);
    }
}
