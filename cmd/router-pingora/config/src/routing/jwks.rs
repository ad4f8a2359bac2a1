//! Files of public keys (RFC 7517, 7518, 8037), read again when they change.

use crate::settings;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature as sig;
use serde::Deserialize;
use std::sync::{Arc, RwLock};

/// One public key and the algorithms that it may verify: those of its own kind only, so that no token
/// chooses how it is checked.
pub(super) struct VerifyKey {
    pub(super) id: String,
    algorithms: Vec<&'static str>,
    public: Public,
}

enum Public {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Ec(Vec<u8>), // the point, uncompressed
    Ed25519(Vec<u8>),
}

/// The content of one JWKS file.
pub(super) struct KeySet {
    pub(super) keys: Vec<VerifyKey>,
}

/// One JWKS file.
pub(crate) struct KeyFile {
    path: String,
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    set: Option<Arc<KeySet>>, // None: never read well
    seen: Option<Vec<u8>>,    // the content last looked at
    fault: Option<String>,
}

impl KeyFile {
    pub(super) fn open(path: &str, read: bool) -> KeyFile {
        let f = KeyFile { path: path.into(), state: RwLock::default() };
        if read {
            let _ = f.refresh(); // its fault is kept
        }
        f
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn set(&self) -> Option<Arc<KeySet>> {
        self.state.read().unwrap_or_else(|e| e.into_inner()).set.clone()
    }

    pub(super) fn fault(&self) -> Option<String> {
        self.state.read().unwrap_or_else(|e| e.into_inner()).fault.clone()
    }

    /// Reads the file if its content has changed. The error is said once for each content.
    pub(super) fn refresh(&self) -> Result<(), String> {
        let data = std::fs::read(&self.path);
        let mut s = self.state.write().unwrap_or_else(|e| e.into_inner());
        let content = data.as_ref().ok();
        let read = match &data {
            Ok(_) if s.seen.as_ref() == content => return Ok(()),
            Ok(data) => read_key_set(data),
            Err(e) => Err(format!("open {}: {e}", self.path)),
        };
        let missing_still = data.is_err() && s.seen.is_none() && s.fault.is_some();
        s.seen = data.ok();
        match read {
            Ok(set) => (s.set, s.fault) = (Some(Arc::new(set)), None),
            Err(e) => {
                let consequence = match s.set {
                    None => "no token is valid until it can",
                    Some(_) => "the keys read before stay in use",
                };
                let fault = format!("a key file cannot be used: {consequence}: {}: {e}", self.path);
                s.fault = Some(fault.clone());
                if !missing_still {
                    return Err(fault);
                }
            }
        }
        Ok(())
    }
}

/// Reads a JWKS file as a router does.
pub fn check_keys(path: &str) -> Result<(), String> {
    let data = std::fs::read(path).map_err(|e| format!("open {path}: {e}"))?;
    read_key_set(&data).map(|_| ())
}

/// The files that settings name, each once.
pub(super) fn files_of(s: &settings::Routing) -> Vec<&str> {
    let mut paths = Vec::new();
    for source in s.routes.iter().flat_map(|r| r.sources.iter().chain(&r.split_by)) {
        if let Some(jwt) = source.jwt.as_ref().filter(|j| !paths.contains(&j.jwks.as_str())) {
            paths.push(&jwt.jwks);
        }
    }
    paths
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Jwk {
    kty: String,
    kid: String,
    #[serde(rename = "use")]
    usage: String,
    key_ops: Vec<String>,
    alg: String,
    n: String,
    e: String,
    crv: String,
    x: String,
    y: String,
}

/// Reads the keys that can verify signatures. Keys for encryption, symmetric keys and kinds that this
/// program does not know are passed over; a key that is damaged, or a set without a usable one, is an
/// error.
fn read_key_set(data: &[u8]) -> Result<KeySet, String> {
    #[derive(Deserialize)]
    struct Set {
        #[serde(default)]
        keys: Vec<Jwk>,
    }
    let set: Set = serde_json::from_slice(data).map_err(|e| format!("reading a JWKS: {e}"))?;
    let mut keys = Vec::new();
    for (i, j) in set.keys.iter().enumerate() {
        let signs = j.usage.is_empty() || j.usage == "sig";
        if !signs || !j.key_ops.is_empty() && !j.key_ops.iter().any(|op| op == "verify") {
            continue;
        }
        let key = j.key().map_err(|e| format!("key {i} of the JWKS, kid {:?}: {e}", j.kid))?;
        keys.extend(key.filter(|k| !k.algorithms.is_empty()));
    }
    if keys.is_empty() {
        return Err("the JWKS has no key that can verify a signature".into());
    }
    Ok(KeySet { keys })
}

impl Jwk {
    fn key(&self) -> Result<Option<VerifyKey>, String> {
        let (mut algorithms, public) = match (self.kty.as_str(), self.crv.as_str()) {
            ("RSA", _) => (vec!["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"], self.rsa()?),
            ("EC", "P-256") => (vec!["ES256"], self.ec(32)?),
            ("EC", "P-384") => (vec!["ES384"], self.ec(48)?),
            ("EC", "P-521") => {
                return Err("P-521 is not supported by this router: use P-256 or P-384".into());
            }
            ("OKP", "Ed25519") => {
                let x = bytes("x", &self.x)?;
                if x.len() != 32 {
                    return Err(format!("its x has {} bytes, not 32", x.len()));
                }
                (vec!["EdDSA"], Public::Ed25519(x))
            }
            _ => return Ok(None),
        };
        if !self.alg.is_empty() {
            algorithms.retain(|a| *a == self.alg);
        }
        Ok(Some(VerifyKey { id: self.kid.clone(), algorithms, public }))
    }

    fn rsa(&self) -> Result<Public, String> {
        let strip = |b: Vec<u8>| b.into_iter().skip_while(|b| *b == 0).collect::<Vec<u8>>();
        let (n, e) = (strip(bytes("n", &self.n)?), strip(bytes("e", &self.e)?));
        let exponent = e.iter().fold(0u64, |v, b| v.saturating_mul(256).saturating_add(u64::from(*b)));
        if !(2..1 << 31).contains(&exponent) || exponent % 2 == 0 {
            return Err("its exponent is none".into());
        }
        let bits = n.len() * 8 - n.first().map_or(0, |b| b.leading_zeros() as usize);
        if !(2048..=8192).contains(&bits) {
            return Err(format!("it has {bits} bits, use 2048 to 8192"));
        }
        Ok(Public::Rsa { n, e })
    }

    fn ec(&self, size: usize) -> Result<Public, String> {
        let (x, y) = (bytes("x", &self.x)?, bytes("y", &self.y)?);
        if x.len() != size || y.len() != size {
            return Err(format!("its x and y have {} and {} bytes, not {size}", x.len(), y.len()));
        }
        // A point off the curve is found when it is first used: then no signature holds.
        Ok(Public::Ec([&[4][..], &x, &y].concat()))
    }
}

fn bytes(name: &str, text: &str) -> Result<Vec<u8>, String> {
    let b = URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
    if b.is_empty() { Err(format!("its {name} is not base64url")) } else { Ok(b) }
}

impl VerifyKey {
    /// Whether the signature holds under an algorithm that is this key's.
    pub(super) fn verifies(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        if !self.algorithms.contains(&algorithm) {
            return false;
        }
        match &self.public {
            Public::Rsa { n, e } => {
                let parameters: &sig::RsaParameters = match algorithm {
                    "RS256" => &sig::RSA_PKCS1_2048_8192_SHA256,
                    "RS384" => &sig::RSA_PKCS1_2048_8192_SHA384,
                    "RS512" => &sig::RSA_PKCS1_2048_8192_SHA512,
                    "PS256" => &sig::RSA_PSS_2048_8192_SHA256,
                    "PS384" => &sig::RSA_PSS_2048_8192_SHA384,
                    _ => &sig::RSA_PSS_2048_8192_SHA512,
                };
                sig::RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok()
            }
            Public::Ec(point) => {
                let algorithm: &dyn sig::VerificationAlgorithm =
                    if algorithm == "ES256" { &sig::ECDSA_P256_SHA256_FIXED } else { &sig::ECDSA_P384_SHA384_FIXED };
                sig::UnparsedPublicKey::new(algorithm, point).verify(message, signature).is_ok()
            }
            Public::Ed25519(key) => sig::UnparsedPublicKey::new(&sig::ED25519, key).verify(message, signature).is_ok(),
        }
    }
}
