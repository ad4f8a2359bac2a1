//! Endpoints that are found by DNS: what is asked, and the endpoint that stands for them until then.

use crate::form::upstream as form;
use crate::gotext::{quote, split_host_port};
use crate::load::Loader;
use crate::lower::value_at;
use crate::node::{Kind, Node};
use crate::settings::{Tls, Upstream};
use crate::units::digits;
use lockstep_core::EndpointSpec;
use std::net::IpAddr;
use std::sync::Arc;

/// A placement whose endpoints are found by DNS.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Discovery {
    /// Name of the placement.
    pub placement: String,
    /// Name of SRV records, such as _https._tcp.cell-12.internal; "" for host and port.
    pub service: String,
    /// Name of A and AAAA records; "" for SRV.
    pub host: String,
    /// Port of `host`.
    pub port: u16,
    /// http or https.
    pub scheme: String,
    /// host:port of the name server to ask; "" means the system's.
    pub server: String,
}

impl Discovery {
    /// The endpoint of a placement for whose name there has never been an answer: the name itself. A
    /// request that is sent there fails as dns, as long as the system does not know the name either.
    pub fn unresolved(&self) -> EndpointSpec {
        EndpointSpec {
            name: "dns".into(),
            url: format!("{}://{}", self.scheme, self.name()),
            ..EndpointSpec::default()
        }
    }

    fn name(&self) -> String {
        if !self.service.is_empty() {
            return self.service.clone();
        }
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Adds what the name of an endpoint says once its address is used instead: whom a request and a
    /// certificate are for.
    pub(crate) fn lower(&self, up: &mut Upstream) {
        if !self.service.is_empty() {
            return; // a target is a name already
        }
        if up.host.is_empty() {
            up.host = self.name();
        }
        if self.scheme == "https" && up.tls.as_ref().is_none_or(|t| t.name.is_empty() && !t.insecure) {
            up.tls.get_or_insert(Tls::default()).name.clone_from(&self.host);
        }
    }
}

impl Loader<'_> {
    /// Reads endpoints: {dns: ...}; None for endpoints by name.
    pub(crate) fn discovered(&mut self, placement: &str, n: Option<&Arc<Node>>) -> Option<Vec<EndpointSpec>> {
        let n = n?;
        let at = &n.value("dns").filter(|v| v.kind == Kind::Scalar)?.at;
        let form: form::Discovery = self.d.decode(n);
        if !form.server.is_empty() && !split_host_port(&form.server).is_some_and(|(_, port)| is_port(port)) {
            let what = format!("{} is not the address of a name server", quote(&form.server));
            self.d.fail(value_at(n, "server"), what, r#"write "host:port", such as "10.0.0.53:53""#);
        }
        let mut found = Discovery {
            placement: placement.into(),
            scheme: form.scheme.clone(),
            server: form.server.clone(),
            ..Discovery::default()
        };
        if let Err((what, hint)) = found.read(&form.dns) {
            self.d.fail(at, what, hint);
        }
        let endpoints = vec![found.unresolved()];
        self.file.discover.push(found);
        Some(endpoints)
    }
}

impl Discovery {
    /// Reads the name that is asked for.
    fn read(&mut self, dns: &str) -> Result<(), (String, String)> {
        if let Some(service) = dns.strip_prefix("srv:") {
            if let Some((name, _)) = service.split_once(':') {
                let hint = format!("write {}", quote(&format!("srv:{name}")));
                return Err((format!("{} has a port, and SRV records say the port themselves", quote(dns)), hint));
            }
            if !service.starts_with('_') || service.matches('.').count() < 2 {
                let what = format!("{} does not name SRV records", quote(dns));
                return Err((what, r#"write "srv:_https._tcp.NAME""#.into()));
            }
            self.service = service.strip_suffix('.').unwrap_or(service).into();
            self.scheme_or(if service.starts_with("_https.") { "https" } else { "http" });
            return Ok(());
        }
        let Some((host, port)) = split_host_port(dns).filter(|(host, port)| !host.is_empty() && is_port(port)) else {
            let hint = r#"write "name:port", or "srv:_https._tcp.NAME" for SRV records"#;
            return Err((format!("{} is not a name with a port", quote(dns)), hint.into()));
        };
        if host.parse::<IpAddr>().is_ok() {
            let hint = format!("write it as an endpoint: {{a: {{url: {}}}}}", quote(&format!("http://{dns}")));
            return Err((format!("{} is an address, which DNS is not asked for", quote(dns)), hint));
        }
        self.host = host.strip_suffix('.').unwrap_or(host).into();
        self.port = digits(port).unwrap_or(0) as u16;
        self.scheme_or(if matches!(self.port, 443 | 8443) { "https" } else { "http" });
        Ok(())
    }

    fn scheme_or(&mut self, scheme: &str) {
        if self.scheme.is_empty() {
            self.scheme = scheme.into();
        }
    }
}

fn is_port(text: &str) -> bool {
    digits(text).is_some_and(|n| (1..=65535).contains(&n))
}
