//! Every fault is shown where it is and how to mend it, in the words of the Go side: its own golden
//! files are the measure.

use lockstep_config::{File, LoadError};
use std::path::Path;

fn testdata() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../adapters/configfile")
}

/// What both routers say of a file, "" when they take it.
fn said(path: &str) -> String {
    let fault = match File::load(path) {
        Ok(f) => f.compile().err().map(|p| p.to_string()),
        Err(LoadError::Content(p)) => Some(p.to_string()),
        Err(e) => Some(e.to_string()),
    };
    fault.unwrap_or_default() + "\n"
}

/// The texts of a parser about what it cannot read are its own; the place is not.
const OWN_WORDS: [&str; 2] = ["colon.yaml", "syntax.yaml"];

#[test]
fn every_fault_of_the_go_side_is_found_here_in_the_same_words() {
    std::env::set_current_dir(testdata()).unwrap();
    let mut seen = 0;
    let mut differ = Vec::new();
    for entry in std::fs::read_dir("testdata/bad").unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".txt") {
            continue;
        }
        seen += 1;
        let stem = name.rsplit_once('.').unwrap().0;
        let want = std::fs::read_to_string(format!("testdata/bad/{stem}.txt")).unwrap();
        let got = said(&format!("testdata/bad/{name}"));
        if OWN_WORDS.contains(&name.as_str()) {
            let line = |text: &str| text.split(':').nth(1).map(str::to_owned);
            assert_eq!(line(&got), line(&want), "{name}\n{got}");
        } else if got != want {
            let first = got.lines().zip(want.lines()).find(|(g, w)| g != w);
            differ.push(format!("{name}: {first:?}"));
        }
    }
    assert!(seen > 20 && differ.is_empty(), "{} of {seen} differ:\n{}", differ.len(), differ.join("\n"));
}
