//! Whatever bytes come, as a file or pushed by a control plane, the answer is a configuration or its
//! faults: never a panic, and the same bytes always mean the same.

use lockstep_config::File;
use lockstep_config::routing::{Peer, Routing, View};
use std::path::Path;

/// A small deterministic generator (xorshift), so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }
}

const FORM1: &str = r#"{"version": "v1", "routingTable": {"visa": "visa", "acme": "tier1"},
"cellEndpoints": {"visa": "http://localhost:9001", "tier1": "http://localhost:9002"}, "defaultPlacement": "tier1"}"#;
const FORM2: &str = r#"{"version": "v2", "routingTable": {"visa": "visa"}, "placements": {"visa": {"url": "http://localhost:9001",
"fallback": "visa", "health_check": {"path": "/health", "interval": "10s"}, "concurrency_limit": 100}}, "defaultPlacement": "visa"}"#;

/// Bytes that mean something to one of the readers.
const PIECES: [&[u8]; 24] = [
    b"\"",
    b"\\",
    b"\\u",
    b"\\ud83d",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b": ",
    b",",
    b"\n",
    b"\r\n",
    b"- ",
    b"#",
    b"&a",
    b"*a",
    b"!!x",
    b"? ",
    b"\xff",
    b"\xc3",
    b"%",
    b"\0",
    "\u{feff}\u{2028}".as_bytes(),
];

fn damage(random: &mut Random, text: &mut Vec<u8>) {
    for _ in 0..=random.below(2) {
        let at = random.below(text.len() + 1);
        match random.below(4) {
            0 if at < text.len() => text[at] = random.below(256) as u8,
            1 => {
                text.drain(at..text.len().min(at + random.below(9)));
            }
            2 => {
                let piece = PIECES[random.below(PIECES.len())];
                text.splice(at..at, piece.iter().copied());
            }
            _ => {
                let from = random.below(text.len() + 1);
                let copy = text[from..text.len().min(from + random.below(40))].to_vec();
                text.splice(at..at, copy);
            }
        }
    }
}

struct Nobody;

impl View for Nobody {
    fn host(&self) -> &str {
        "a.example.com:80"
    }
    fn target(&self) -> &str {
        "/v1/%41?tenant=x"
    }
    fn header(&self, _: &str, take: &mut dyn FnMut(&[u8])) {
        take(b"acme");
    }
}

#[test]
fn no_bytes_make_the_reader_panic_and_the_same_bytes_mean_the_same() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../adapters/configfile/testdata");
    let mut texts = vec![FORM1.as_bytes().to_vec(), FORM2.as_bytes().to_vec()];
    for kind in ["good", "good", "good", "bad"] {
        // The good ones thrice: damage leaves few of them good, and those are what the second half of the test is about.
        for entry in std::fs::read_dir(folder.join(kind)).unwrap() {
            texts.push(std::fs::read(entry.unwrap().path()).unwrap());
        }
    }
    texts.sort(); // a folder has no order of its own
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..4000 {
        let mut text = texts[random.below(texts.len())].clone();
        damage(&mut random, &mut text);
        match (File::parse("f", &text), File::parse("f", &text)) {
            (Ok(a), Ok(b)) => {
                let (a_config, b_config) = (a.compile(), b.compile());
                assert_eq!(a_config.as_ref().map(|c| c.digest()), b_config.as_ref().map(|c| c.digest()));
                a.unsupported();
                if let Ok(c) = a_config {
                    Routing::new(&c, None).find(&Nobody, &Peer::default());
                    taken += 1;
                }
            }
            (Err(a), Err(b)) => {
                assert!(!a.0.is_empty() && a == b);
                for p in &a.0 {
                    let sound = p.source.chars().all(|c| c == '\t' || c >= ' ' && c != '\x7f');
                    assert!(sound && p.offset <= p.source.chars().count(), "{p:?}");
                }
                let _ = a.to_string();
                refused += 1;
            }
            _ => panic!("read twice, it differs: {:?}", String::from_utf8_lossy(&text)),
        }
    }
    assert!(taken > 30 && refused > 1000, "{taken} taken, {refused} refused");
}
