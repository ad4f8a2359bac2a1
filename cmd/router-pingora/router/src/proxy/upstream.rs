//! Connections to endpoints: Pingora's connectors and pools under the settings of a placement.
//!
//! Pingora takes addresses and has one pool for everything, keyed by a hash of the peer; so names are
//! resolved here, and the group key keeps the pools of two placements apart. Its load balancer is not used.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use http::Uri;
use lockstep_config::settings::{Placement, Tls, Upstream};
use lockstep_core::{TimeoutSpec, hash_string};
use pingora::connectors::ConnectorOptions;
use pingora::connectors::http::{Connector, v1};
use pingora::protocols::ALPN;
use pingora::protocols::http::client::HttpSession;
use pingora::upstreams::peer::HttpPeer;
use pingora::utils::tls::CertKey;
use pingora::{Error, ErrorType};

use super::error::NO_NAME;
use crate::driver::Target;
use crate::tls;

/// Idle connections kept in all. Pingora closes the longest idle one of any endpoint beyond it; its own
/// default is 128.
const POOL: usize = 16_384;
/// How long an address that a name gave is used without asking again, for connections to come.
const FRESH: Duration = Duration::from_secs(1);
/// How often the files of TLS settings are looked at, at most.
const LOOK: Duration = Duration::from_secs(1);

/// Placement and URL: what makes an endpoint the same endpoint across configurations (R12).
type Identity = (Arc<str>, Arc<str>);

/// The connections of all endpoints.
pub(crate) struct Upstreams {
    h1: v1::Connector,
    any: Connector,
    of: Mutex<HashMap<Identity, Arc<Endpoint>>>,
}

/// One endpoint under the settings of a configuration.
pub(crate) struct Endpoint {
    secure: bool,
    host: String, // without brackets
    port: u16,
    /// What requests are for.
    pub(crate) authority: String,
    settings: Upstream,
    group: u64,
    connect: Duration,
    idle: Duration,
    peers: Mutex<Peers>,
}

/// What connections begin with; made again when a file changes.
#[derive(Default)]
struct Peers {
    tls: Material,
    stamps: [Option<(SystemTime, u64)>; 3],
    looked: Option<Instant>,
    by_address: HashMap<SocketAddr, Arc<HttpPeer>>,
    last: Vec<SocketAddr>, // what the name gave
    asked: Option<Instant>,
}

#[derive(Default, Clone)]
struct Material {
    ca: Option<tls::Authorities>,
    own: Option<Arc<CertKey>>,
}

/// A connection in use, and what it goes back to the pool as.
pub(crate) struct Connection {
    pub(crate) session: HttpSession,
    pub(crate) peer: Arc<HttpPeer>,
    pub(crate) reused: bool,
}

impl Upstreams {
    pub(crate) fn new() -> Upstreams {
        Upstreams {
            h1: v1::Connector::new(Some(ConnectorOptions::new(POOL))),
            any: Connector::new(Some(ConnectorOptions::new(POOL))),
            of: Mutex::default(),
        }
    }

    /// The endpoint of a decision. An error means settings or a URL that no check passed.
    pub(crate) fn endpoint(&self, t: &Target) -> Result<Arc<Endpoint>, String> {
        if let Some(e) = t.transport.get().and_then(|e| e.clone().downcast().ok()) {
            return Ok(e);
        }
        let e = self.find(t)?;
        let _ = t.transport.set(e.clone()); // somebody else may have been first, with the same
        Ok(e)
    }

    fn find(&self, t: &Target) -> Result<Arc<Endpoint>, String> {
        let (Some(c), Some(place)) = (&t.config, t.placement_index) else {
            return Err("the endpoint has left the configuration".into());
        };
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let id = (t.placement.clone(), t.url.clone());
        let (times, edge) = (c.timeouts(place), c.placement_edge(place));
        if let Some(e) = of.get(&id).filter(|e| e.fits(times, edge, &t.url, &t.placement)) {
            return Ok(e.clone());
        }
        let e = Arc::new(Endpoint::new(&t.url, &t.placement, times, edge)?);
        of.insert(id, e.clone());
        Ok(e)
    }

    /// Opens a connection or takes one from the pool, within the placement's `connect`.
    pub(crate) async fn connect(&self, e: &Endpoint, fresh: bool) -> pingora::Result<Connection> {
        match tokio::time::timeout(e.connect, self.open(e, fresh)).await {
            Ok(r) => r,
            Err(_) => Error::e_explain(ErrorType::ConnectTimedout, format!("connecting to {}:{}", e.host, e.port)),
        }
    }

    async fn open(&self, e: &Endpoint, fresh: bool) -> pingora::Result<Connection> {
        if e.http1() && !fresh {
            for peer in e.known() {
                if let Some(h1) = self.h1.reused_http_session(&*peer).await {
                    return Ok(Connection { session: HttpSession::H1(h1), peer, reused: true });
                }
            }
        }
        let mut first = None;
        for address in e.resolve().await? {
            let peer = e.peer(address)?;
            match self.dial(e, &peer, fresh).await {
                Ok((session, reused)) => return Ok(Connection { session, peer, reused }),
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(first.unwrap_or_else(|| Error::explain(ErrorType::Custom(NO_NAME), format!("{} has no address", e.host))))
    }

    async fn dial(&self, e: &Endpoint, peer: &HttpPeer, fresh: bool) -> pingora::Result<(HttpSession, bool)> {
        if !e.http1() {
            let (session, reused) = self.any.get_http_session(peer).await?;
            if e.h2_only() && matches!(session, HttpSession::H1(_)) {
                // Pingora goes on with HTTP/1.1, whatever it was asked for.
                return Error::e_explain(ErrorType::H2Downgrade, format!("{} does not offer h2 (ALPN)", e.host));
            }
            return Ok((session, reused));
        }
        if fresh {
            // Whatever is idle there has ended with the connection that just took nothing.
            while let Some(old) = self.h1.reused_http_session(peer).await {
                drop(old);
            }
        }
        self.h1.get_http_session(peer).await.map(|(s, reused)| (HttpSession::H1(s), reused))
    }

    /// Gives a connection back whose exchange is complete both ways.
    pub(crate) async fn release(&self, e: &Endpoint, c: Connection) {
        match c.session {
            HttpSession::H1(s) => self.h1.release_http_session(s, &*c.peer, Some(e.idle)).await,
            other => self.any.release_http_session(other, &*c.peer, Some(e.idle)).await,
        }
    }

    /// Forgets an endpoint that has left the configuration and closes its idle connections. Pingora's
    /// pool cannot be told to; so they are taken out of it one by one.
    pub(crate) async fn drop_idle(&self, placement: &Arc<str>, url: &Arc<str>) {
        let gone = {
            let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
            of.remove(&(placement.clone(), url.clone()))
        };
        for peer in gone.iter().flat_map(|e| e.known()) {
            while let Some(old) = self.h1.reused_http_session(&*peer).await {
                drop(old);
            }
        }
    }
}

impl Endpoint {
    fn new(url: &str, placement: &str, times: &TimeoutSpec, edge: &str) -> Result<Endpoint, String> {
        let uri: Uri = url.parse().map_err(|e| format!("the URL {url}: {e}"))?;
        let secure = uri.scheme_str() == Some("https");
        let host = uri.host().ok_or_else(|| format!("the URL {url} has no host"))?.to_string();
        let settings = Placement::read(edge)?.upstream.unwrap_or_default();
        // As the URL has it: a port that is written stays written.
        let authority = uri.authority().map_or("", |a| a.as_str()).rsplit('@').next().unwrap_or_default();
        let authority = if settings.host.is_empty() { authority.to_string() } else { settings.host.clone() };
        Ok(Endpoint {
            secure,
            port: uri.port_u16().unwrap_or(if secure { 443 } else { 80 }),
            host: host.trim_start_matches('[').trim_end_matches(']').to_string(),
            authority,
            settings,
            group: group(times, edge, url, placement),
            connect: nanos(times.connect),
            idle: nanos(times.upstream_idle),
            peers: Mutex::default(),
        })
    }

    fn fits(&self, times: &TimeoutSpec, edge: &str, url: &str, placement: &str) -> bool {
        self.group == group(times, edge, url, placement)
    }

    fn http1(&self) -> bool {
        matches!(self.settings.protocol.as_str(), "" | "http1")
    }

    fn h2_only(&self) -> bool {
        matches!(self.settings.protocol.as_str(), "h2" | "h2c")
    }

    /// Whether an upgrade may be asked of it: not over HTTP/2.
    pub(crate) fn upgrades(&self) -> bool {
        !self.h2_only()
    }

    fn peers(&self) -> std::sync::MutexGuard<'_, Peers> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The peers of the addresses that were used last: a kept connection needs no new look at the name.
    fn known(&self) -> Vec<Arc<HttpPeer>> {
        let p = self.peers();
        p.last.iter().filter_map(|a| p.by_address.get(a).cloned()).collect()
    }

    async fn resolve(&self) -> pingora::Result<Vec<SocketAddr>> {
        {
            let p = self.peers();
            if p.asked.is_some_and(|at| at.elapsed() < FRESH) {
                return Ok(p.last.clone());
            }
        }
        let found: Vec<SocketAddr> = match self.host.parse() {
            Ok(ip) => vec![SocketAddr::new(ip, self.port)],
            Err(_) => tokio::net::lookup_host((self.host.as_str(), self.port))
                .await
                .map_err(|e| Error::because(ErrorType::Custom(NO_NAME), format!("resolving {}", self.host), e))?
                .collect(),
        };
        let mut p = self.peers();
        p.by_address.retain(|a, _| found.contains(a));
        p.last = found.clone();
        p.asked = Some(Instant::now());
        Ok(found)
    }

    /// What a connection to an address begins with. Where files have become unreadable the last good
    /// ones go on.
    fn peer(&self, address: SocketAddr) -> pingora::Result<Arc<HttpPeer>> {
        let mut p = self.peers();
        self.look(&mut p)?;
        if let Some(peer) = p.by_address.get(&address) {
            return Ok(peer.clone());
        }
        let tls = self.settings.tls.clone().unwrap_or_default();
        // Without a name Pingora would verify nothing, so an address is its own name.
        let name = if tls.name.is_empty() { self.host.clone() } else { tls.name };
        let mut peer = HttpPeer::new(address, self.secure, if self.secure { name } else { String::new() });
        peer.group_key = self.group;
        peer.client_cert_key = p.tls.own.clone();
        peer.options.ca = p.tls.ca.clone();
        peer.options.verify_cert = !tls.insecure;
        peer.options.verify_hostname = !tls.insecure;
        peer.options.alpn = match self.settings.protocol.as_str() {
            "h2" | "h2c" => ALPN::H2,
            "auto" if self.secure => ALPN::H2H1,
            _ => ALPN::H1,
        };
        peer.options.idle_timeout = Some(self.idle);
        if peer.options.alpn != ALPN::H1 {
            let h2 = &self.settings.h2;
            peer.options.max_h2_streams = if h2.streams > 0 { h2.streams as usize } else { 100 };
            let after = if h2.ping_after > 0 { h2.ping_after } else { lockstep_config::settings::PING_AFTER };
            peer.options.h2_ping_interval = Some(nanos(after));
        }
        let peer = Arc::new(peer);
        p.by_address.insert(address, peer.clone());
        Ok(peer)
    }

    /// Reads the TLS files again when they changed.
    fn look(&self, p: &mut Peers) -> pingora::Result<()> {
        let Some(tls) = self.settings.tls.as_ref().filter(|_| self.secure) else {
            return Ok(());
        };
        if p.looked.is_some_and(|at| at.elapsed() < LOOK) {
            return Ok(());
        }
        let stamps = [&tls.ca, &tls.cert, &tls.key].map(|f| stamp(f));
        if p.looked.is_some() && stamps == p.stamps {
            p.looked = Some(Instant::now());
            return Ok(());
        }
        match read(tls) {
            Ok(material) => {
                (p.tls, p.stamps) = (material, stamps);
                p.by_address.clear();
            }
            Err(e) if p.looked.is_none() => return Error::e_explain(ErrorType::InternalError, e),
            Err(_) => {}
        }
        p.looked = Some(Instant::now());
        Ok(())
    }
}

/// Tells one state of a file from another.
fn stamp(path: &str) -> Option<(SystemTime, u64)> {
    let m = std::fs::metadata(Path::new(path)).ok()?;
    Some((m.modified().ok()?, m.len()))
}

fn read(files: &Tls) -> Result<Material, String> {
    let ca = (!files.ca.is_empty()).then(|| tls::read_authorities(&files.ca)).transpose()?;
    let own = (!files.cert.is_empty()).then(|| tls::read_client(&files.cert, &files.key)).transpose()?;
    Ok(Material { ca, own: own.map(Arc::new) })
}

/// Tells pools apart: by identity, and by the settings that connections are made under.
fn group(times: &TimeoutSpec, edge: &str, url: &str, placement: &str) -> u64 {
    hash_string(&format!("{placement}\0{url}\0{}\0{}\0{edge}", times.upstream_idle, times.connect))
}

pub(crate) fn nanos(d: i64) -> Duration {
    Duration::from_nanos(d.max(0) as u64)
}
