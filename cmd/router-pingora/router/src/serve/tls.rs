//! Certificates of a listener, as adapters/edge/certs.go: several pairs of files or a folder of them,
//! chosen by the name that the client asks for, and read again when they change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use lockstep_config::settings::{CertPair, Listener, ListenerTls};
use pingora::listeners::tls::TlsSettings;
use pingora::protocols::ALPN;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::filewatch::{self, Watch};
use crate::say;
use crate::tls::{self, Choose, Clients, Key};

/// Finds the certificate for a name. It does not change.
#[derive(Default)]
struct Store {
    all: Vec<(PathBuf, Key)>,
    exact: BTreeMap<String, Key>,
    wildcard: BTreeMap<String, Key>, // by what follows "*."
    standard: Option<Key>,           // for no name, or one that nobody has
}

/// What the handshakes of one listener choose from, as its files last had it.
struct Certificates {
    current: ArcSwap<Store>,
    watch: Mutex<Option<Watch>>,
}

/// Makes Pingora's settings of a listener's. Whatever cannot be read is an error.
pub fn settings(l: &Listener, of: &ListenerTls) -> Result<TlsSettings, String> {
    tls::begin();
    let about = |e: String| format!("listener {:?}: {e}", l.name);
    let (store, problems) = load(of, &Store::default());
    if !problems.is_empty() {
        return Err(about(problems.join("; ")));
    }
    let certificates = Arc::new(Certificates { current: ArcSwap::from_pointee(store), watch: Mutex::new(None) });
    certificates.follow(&l.name, of).map_err(about)?;
    let asks = l.clone().with_defaults().tls.map_or(String::new(), |t| t.client_cert);
    let clients = matches!(&*asks, "required" | "optional")
        .then(|| Clients { authorities: &of.client_ca, required: asks == "required" });
    let alpn = if l.http2.off { ALPN::H1 } else { ALPN::H2H1 };
    tls::listener(certificates, alpn, clients).map_err(about)
}

impl Certificates {
    /// Reads the files again when they change. What cannot be read then leaves the old in force.
    fn follow(self: &Arc<Self>, listener: &str, tls: &ListenerTls) -> Result<(), String> {
        let patterns = if tls.folder.is_empty() {
            tls.pairs.iter().flat_map(|p| [p.cert.clone(), p.key.clone()]).collect()
        } else {
            vec![format!("{}/*", tls.folder)]
        };
        let options = filewatch::Options { patterns, every: filewatch::EVERY, poll_only: false };
        let (of, listener, tls) = (Arc::downgrade(self), listener.to_string(), tls.clone());
        let mut first = true; // it has just been read
        let changed = move || {
            if let Some(certificates) = of.upgrade().filter(|_| !std::mem::take(&mut first)) {
                let (store, problems) = load(&tls, &certificates.current.load());
                certificates.current.store(Arc::new(store));
                for problem in &problems {
                    say!(
                        Error,
                        "a certificate cannot be used; the one before stays",
                        "listener" = listener,
                        "error" = problem
                    );
                }
                if problems.is_empty() {
                    say!(Info, "certificates were read again", "listener" = listener);
                }
            }
            None
        };
        let watch = Watch::begin(options, changed).map_err(|e| format!("watching the certificates: {e}"))?;
        *self.watch.lock().unwrap_or_else(PoisonError::into_inner) = Some(watch);
        Ok(())
    }
}

impl Choose for Certificates {
    fn choose(&self, name: Option<&str>) -> Option<Key> {
        let store = self.current.load();
        name.and_then(|name| store.lookup(name)).or(store.standard.as_ref()).cloned()
    }
}

impl Store {
    fn add(&mut self, file: PathBuf, key: Key) {
        for name in names(&key) {
            let (map, name) = match name.strip_prefix("*.") {
                Some(parent) => (&mut self.wildcard, parent.to_string()),
                None => (&mut self.exact, name),
            };
            map.entry(name).or_insert_with(|| key.clone());
        }
        self.all.push((file, key));
    }

    /// Is the certificate that has a name, else one whose wildcard covers it, which stands for one label.
    fn lookup(&self, name: &str) -> Option<&Key> {
        let name = name.trim_end_matches('.').to_lowercase();
        let parent = name.split_once('.').map_or("", |(_, parent)| parent);
        self.exact.get(&name).or_else(|| self.wildcard.get(parent))
    }

    fn find(&self, file: &Path) -> Option<Key> {
        self.all.iter().find(|(from, _)| from == file).map(|(_, key)| key.clone())
    }
}

/// Lists the names that a certificate serves, in lower case.
fn names(key: &Key) -> Vec<String> {
    let der = tls::leaf(key);
    let leaf = X509Certificate::from_der(&der).ok();
    let Some(Ok(Some(san))) = leaf.as_ref().map(|(_, leaf)| leaf.subject_alternative_name()) else {
        return Vec::new();
    };
    let name = |n: &GeneralName<'_>| match n {
        GeneralName::DNSName(name) => Some(name.trim_end_matches('.').to_lowercase()),
        _ => None,
    };
    san.value.general_names.iter().filter_map(name).collect()
}

/// Reads every pair. A pair that cannot be read is a problem; the one of that file in old is kept in
/// its place.
fn load(tls: &ListenerTls, old: &Store) -> (Store, Vec<String>) {
    let (mut store, mut problems) = (Store::default(), Vec::new());
    let pairs = pairs_of(tls).unwrap_or_else(|e| {
        problems.push(e);
        Vec::new()
    });
    for pair in pairs {
        let file = PathBuf::from(&pair.cert);
        match read(&pair) {
            Ok(key) => store.add(file, key),
            Err(e) => {
                problems.push(e);
                if let Some(key) = old.find(&file) {
                    store.add(file, key);
                }
            }
        }
    }
    if store.all.is_empty() {
        for (file, key) in &old.all {
            store.add(file.clone(), key.clone());
        }
    }
    store.standard = store.all.first().map(|(_, key)| key.clone());
    if !tls.default.is_empty() {
        match store.lookup(&tls.default).cloned() {
            Some(key) => store.standard = Some(key),
            None => problems.push(format!(
                "tls.default is {:?}, and no certificate has that name; write one that a certificate has",
                tls.default
            )),
        }
    }
    (store, problems)
}

/// Lists the files of certificates. In a folder NAME.key belongs to NAME.crt or NAME.pem, and a
/// NAME.pem alone holds both.
fn pairs_of(tls: &ListenerTls) -> Result<Vec<CertPair>, String> {
    if tls.folder.is_empty() {
        return Ok(tls.pairs.clone());
    }
    let about = |e: std::io::Error| format!("reading the folder of certificates: {}: {e}", tls.folder);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&tls.folder).map_err(about)? {
        files.push(entry.map_err(about)?.path());
    }
    files.sort();
    let hidden = |p: &Path| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
    let mut out = Vec::new();
    for cert in files.iter().filter(|p| !hidden(p)) {
        let beside = cert.with_extension("key");
        let key = match cert.extension().and_then(|e| e.to_str()) {
            Some("crt") => beside,
            Some("pem") if files.contains(&beside) => beside,
            Some("pem") => cert.clone(),
            _ => continue,
        };
        out.push(CertPair { cert: cert.to_string_lossy().into_owned(), key: key.to_string_lossy().into_owned() });
    }
    if out.is_empty() {
        return Err(format!(
            "the folder {} holds no certificates; put NAME.crt and NAME.key there, or NAME.pem with both",
            tls.folder
        ));
    }
    Ok(out)
}

/// Reads a certificate and its key, and holds them to each other.
fn read(pair: &CertPair) -> Result<Key, String> {
    tls::read_key(&pair.cert, &pair.key)
        .map_err(|e| format!("{} and {} are no pair of certificate and key: {e}", pair.cert, pair.key))
}
