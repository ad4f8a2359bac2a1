//! The addresses to serve on. Pingora opens them itself, in a task whose failure it survives without
//! a listener (pingora#415); so each is tried before anything else begins, and such a failure ends the
//! process.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::time::{Duration, Instant};

use lockstep_config::File;
use lockstep_config::settings::Listener;

use pingora::listeners::tls::TlsSettings;
use pingora::services::listening::Service;

use super::tls;
use crate::cli::Serve;
use crate::lifecycle::{Life, Notifier, Stage};
use crate::{admin, proxy, say};

/// The panic of a listener that Pingora could not open.
const NO_LISTENER: &str = "Failed to build listeners";

/// One address to serve on.
pub struct Opened {
    /// As the file has it.
    pub settings: Listener,
    /// With the port that port 0 stands for.
    pub address: SocketAddr,
    /// Other machines can reach it; of the admin listener alone.
    pub public: bool,
    /// How Pingora takes TLS; None for plain.
    tls: Option<TlsSettings>,
}

/// Every address to serve on.
pub struct Listen {
    /// For clients.
    pub clients: Vec<Opened>,
    /// For operators.
    pub admin: Option<Opened>,
}

impl Listen {
    /// Tries every address. A successor takes its predecessor's sockets and tries none.
    pub fn of(o: &Serve, file: &File, admin: &str) -> Result<Listen, String> {
        let mut clients = Vec::new();
        for settings in listeners_of(&o.listen, &file.listen)? {
            if settings.name == "admin" && !admin.is_empty() {
                return Err(
                    "a listener of clients cannot be named \"admin\" beside an admin address; give it another name"
                        .into(),
                );
            }
            let what = format!("listener {:?}", settings.name);
            let address = open(&what, &settings.address, o.upgrade)?;
            let tls = settings.tls.as_ref().map(|t| tls::settings(&settings, t)).transpose()?;
            clients.push(Opened { settings, address, public: false, tls });
        }
        let mut operators = None;
        if !admin.is_empty() {
            let (given, public) = admin::address(admin)?;
            let address = open("the admin listener", &given, o.upgrade)?;
            operators = Some(Opened { settings: Listener::default(), address, public, tls: None });
        }
        Ok(Listen { clients, admin: operators })
    }

    /// Waits until Pingora listens for clients, begins to answer operators, and says so: whoever finds
    /// the admin listener there finds the others too.
    pub fn announce(&self, life: &Life, notify: &Notifier, begin_admin: impl FnOnce()) {
        wait_for(&self.clients);
        life.begin(Stage::Serving);
        begin_admin();
        if let Some(l) = &self.admin {
            wait_for(std::slice::from_ref(l));
            say!(Info, "admin listens", "url" = format!("http://{}/", l.address));
        }
        for l in &self.clients {
            say!(Info, "serving", "listener" = l.settings.name, "address" = l.address);
        }
        notify.ready();
    }
}

fn wait_for(all: &[Opened]) {
    let until = Instant::now() + Duration::from_secs(10);
    for l in all {
        while !listens(l.address.port()) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Ends the process when Pingora cannot open a listener, whatever task that happens in.
pub fn exit_if_listeners_fail() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        before(info);
        if info.to_string().contains(NO_LISTENER) {
            say!(Error, "a listener could not be opened; this process ends");
            std::process::exit(crate::USAGE);
        }
    }));
}

/// Returns the listeners of the file, or one with the address given, else with :8080. An address that
/// is given moves the file's only listener; of several it could mean any, and a plain one in their
/// place would drop their TLS.
fn listeners_of(given: &str, written: &[Listener]) -> Result<Vec<Listener>, String> {
    match written {
        [_, _, ..] if !given.is_empty() => Err(format!(
            "--listen (or PORT) is {given}, and the file has {} listeners under listen; leave one of the two away",
            written.len()
        )),
        [] => {
            let address = if given.is_empty() { ":8080" } else { given };
            // No setting reaches this one, and a baseline's clients may send what net/http takes.
            let mut only = Listener {
                name: "default".into(),
                address: address.into(),
                header_max: 1 << 20,
                ..Listener::default()
            };
            only.http1.target_max = 1 << 20;
            only.http1.headers_max = 10_000;
            Ok(vec![only])
        }
        [only] if !given.is_empty() => Ok(vec![Listener { address: given.into(), ..only.clone() }]),
        _ => Ok(written.to_vec()),
    }
}

/// What a listener's settings are for its requests.
pub fn edge_of(l: &Listener) -> proxy::Listener {
    let l = l.clone().with_defaults();
    let time = |ns: i64| Duration::from_nanos(u64::try_from(ns).unwrap_or(0));
    proxy::Listener {
        name: l.name,
        trusted: (!l.trust_headers_from.is_empty())
            .then(|| l.trust_headers_from.iter().map(|p| (p.address, p.bits)).collect()),
        header_timeout: time(l.timeouts.header),
        idle_timeout: time(l.timeouts.idle),
        body_idle: time(l.http1.body_idle),
        target_max: usize::try_from(l.http1.target_max).unwrap_or(usize::MAX),
        header_max: usize::try_from(l.header_max).unwrap_or(usize::MAX),
        headers_max: usize::try_from(l.http1.headers_max).unwrap_or(usize::MAX),
        h2c: !l.http2.off,
    }
}

/// Adds a listener's address to the service that serves it.
pub fn add<A>(service: &mut Service<A>, l: &mut Opened) {
    let address = l.address.to_string();
    match l.tls.take() {
        None => service.add_tcp(&address),
        Some(tls) => service.add_tls_with_settings(&address, None, tls),
    }
}

/// Tries an address and returns it with its port.
fn open(what: &str, given: &str, upgrade: bool) -> Result<SocketAddr, String> {
    let fail = |e: std::io::Error| {
        let why = match e.kind() {
            std::io::ErrorKind::AddrInUse => {
                "the port is taken by another program; end that one, or choose another port".to_string()
            }
            std::io::ErrorKind::PermissionDenied => {
                "this user may not open the port; choose one above 1023, or give the program CAP_NET_BIND_SERVICE"
                    .into()
            }
            std::io::ErrorKind::AddrNotAvailable => {
                "this machine does not have that address; write one that it has, or the port alone for all".into()
            }
            _ => e.to_string(),
        };
        format!("{what} cannot listen on {given}: {why}")
    };
    // A port alone means every address, of either family where the machine has both.
    let all = given.strip_prefix(':').map(|port| [format!("[::]:{port}"), format!("0.0.0.0:{port}")]);
    let candidates = all.map_or(vec![given.to_string()], Vec::from);
    let mut last = None;
    for candidate in candidates {
        let address =
            candidate.to_socket_addrs().and_then(|mut found| found.next().ok_or(std::io::ErrorKind::NotFound.into()));
        let tried = address.and_then(|a| if upgrade { Ok(a) } else { TcpListener::bind(a)?.local_addr() });
        match tried {
            Ok(address) => return Ok(address),
            Err(e) if e.raw_os_error() == Some(nix::libc::EAFNOSUPPORT) => last = Some(e),
            Err(e) => return Err(fail(e)),
        }
    }
    Err(fail(last.unwrap_or_else(|| std::io::ErrorKind::NotFound.into())))
}

/// Whether a socket of this machine listens on a port, by the kernel's table. Asking by connecting
/// would be a client's connection. Where there is no table it is taken for granted.
fn listens(port: u16) -> bool {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(std::fs::read_to_string);
    if tables.iter().all(Result::is_err) {
        return true;
    }
    tables.iter().flatten().any(|table| in_table(table, port))
}

/// A line is: number, local address:port, remote address:port, state; 0A listens.
fn in_table(table: &str, port: u16) -> bool {
    table.lines().any(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (local, state) = (fields.next(), fields.nth(1));
        let at = local.and_then(|l| l.rsplit_once(':')).and_then(|(_, p)| u16::from_str_radix(p, 16).ok());
        at == Some(port) && state == Some("0A")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(name: &str, address: &str) -> Listener {
        Listener { name: name.into(), address: address.into(), ..Listener::default() }
    }

    #[test]
    fn an_address_given_moves_the_only_listener_and_is_refused_beside_several() {
        let (one, two) = (listener("a", ":1"), listener("b", ":2"));
        let addresses = |given: &str, written: &[Listener]| {
            listeners_of(given, written).map(|all| all.into_iter().map(|l| (l.name, l.address)).collect::<Vec<_>>())
        };
        let want = |name: &str, address: &str| Ok(vec![(name.to_string(), address.to_string())]);
        assert_eq!(addresses("", &[]), want("default", ":8080"));
        assert_eq!(addresses(":9", &[]), want("default", ":9"));
        assert_eq!(addresses("", std::slice::from_ref(&one)), want("a", ":1"));
        assert_eq!(addresses(":9", std::slice::from_ref(&one)), want("a", ":9"));
        assert_eq!(addresses("", &[one.clone(), two.clone()]).unwrap().len(), 2);
        assert!(addresses(":9", &[one, two]).unwrap_err().contains("2 listeners"));
    }

    #[test]
    fn a_port_that_is_taken_is_told_before_anything_begins() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let error = open("listener \"x\"", &address.to_string(), false).unwrap_err();
        assert!(error.contains("taken by another program"), "{error}");
        assert_eq!(open("x", &address.to_string(), true), Ok(address), "a successor takes it over");
        assert!(listens(address.port()));
        drop(taken);
        assert!(!listens(address.port()));
        assert_ne!(open("x", "127.0.0.1:0", false).unwrap().port(), 0);
    }
}
