//! What this crate makes of configuration files, one line of JSON each, for the test that compares it
//! with the Go side: the digest of the compiled configuration, or every fault with its place.
//!
//!     cargo run -p lockstep-config --example digest FILE...
//!
//! Without arguments it reads the names from standard input, one a line.

use lockstep_config::settings::{Listener, ListenerTls};
use lockstep_config::{File, LoadError, Prefix, Problems};
use serde_json::{Value, json};

fn main() {
    let mut paths: Vec<String> = std::env::args().skip(1).collect();
    if paths.is_empty() {
        paths = std::io::stdin().lines().map_while(Result::ok).collect();
    }
    for path in paths {
        println!("{}", look(&path));
    }
}

fn look(path: &str) -> Value {
    let file = match File::load(path) {
        Ok(file) => file,
        Err(LoadError::Content(faults)) => return refused(path, &faults),
        Err(e) => return json!({"file": path, "unreadable": e.to_string()}),
    };
    match file.compile() {
        Ok(config) => json!({
            "file": path,
            "form": file.form.to_string(),
            "version": config.version(),
            "digest": format!("{:016x}", config.digest()),
            "spec": String::from_utf8_lossy(&lockstep_trace::encode_spec(&file.spec)),
            "edge": edge(&file),
            "warnings": file.warnings.0,
        }),
        Err(faults) => refused(path, &faults),
    }
}

fn refused(path: &str, faults: &Problems) -> Value {
    json!({"file": path, "errors": faults.0})
}

/// The settings that are no part of a Spec, as the Go side's own types print them.
fn edge(f: &File) -> Value {
    let (c, o) = (&f.control_plane, &f.observe);
    let (log, trace) = (&o.access_log, &o.tracing);
    json!({
        "Listen": f.listen.iter().cloned().map(listener).collect::<Vec<_>>(),
        "ControlPlane": {"URL": c.url, "Dir": c.dir, "Bootstrap": c.bootstrap, "Soak": c.soak},
        "Recording": {
            "Dir": f.recording_dir, "Keep": f.recording_keep.0, "MaxSize": f.recording_keep.1,
            "KeyFile": f.recording_key_file,
        },
        "Observe": {
            "Admin": {"Address": o.admin.address},
            "AccessLog": {
                "Off": log.off, "Detail": log.detail, "Sample": log.sample, "Sampled": log.sampled,
                "Errors": log.errors, "Failovers": log.failovers, "Retries": log.retries, "Slow": log.slow,
            },
            "Metrics": {"Exemplars": o.metrics.exemplars},
            "Tracing": {"OTLP": trace.otlp, "Sample": trace.sample, "Sampled": trace.sampled},
        },
        "Discover": f.discover.iter().map(|d| json!({
            "Placement": d.placement, "Service": d.service, "Host": d.host, "Port": d.port, "Scheme": d.scheme, "Server": d.server,
        })).collect::<Vec<_>>(),
        "Labels": f.labels,
        "Must": f.must,
        "Sources": f.sources,
        "Watch": f.watch,
        "Routers": {"Min": f.facts.routers.min, "Max": f.facts.routers.max},
        "Peak": f.facts.peak.iter().map(|(name, load)| {
            (name.clone(), json!({"PerSecond": load.0, "Latency": load.1}))
        }).collect::<serde_json::Map<_, _>>(),
    })
}

fn listener(l: Listener) -> Value {
    let l = l.with_defaults();
    let (t, h1, h2) = (&l.timeouts, &l.http1, &l.http2);
    json!({
        "Name": l.name, "Address": l.address, "Engine": l.engine, "TLS": l.tls.as_ref().map(tls),
        "TrustHeadersFrom": prefixes(&l.trust_headers_from),
        "Proxy": l.proxy.as_ref().map(|p| json!({"From": prefixes(&p.from), "Required": p.required})),
        "MaxConnections": l.max_connections, "MaxPerClient": l.max_per_client, "HeaderMax": l.header_max,
        "Timeouts": {"Handshake": t.handshake, "Header": t.header, "Idle": t.idle, "Body": t.body},
        "HTTP1": {
            "TargetMax": h1.target_max, "HeadersMax": h1.headers_max, "RequestsMax": h1.requests_max,
            "BodyIdle": h1.body_idle, "BodyRateMin": h1.body_rate_min, "Write": h1.write,
        },
        "HTTP2": {"Off": h2.off, "MaxStreams": h2.max_streams, "PingEvery": h2.ping_every, "PingTimeout": h2.ping_timeout},
    })
}

fn tls(t: &ListenerTls) -> Value {
    json!({
        "Folder": t.folder, "Pairs": t.pairs.iter().map(|p| json!({"Cert": p.cert, "Key": p.key})).collect::<Vec<_>>(),
        "Default": t.default, "Min": t.min, "ClientCA": t.client_ca, "ClientCert": t.client_cert,
        "TicketKeys": t.ticket_keys, "NoTickets": t.no_tickets,
    })
}

fn prefixes(all: &[Prefix]) -> Vec<String> {
    all.iter().map(Prefix::to_string).collect()
}
