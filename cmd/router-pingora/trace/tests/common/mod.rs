//! What the tests of whole traces share; each uses a part of it.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};

use lockstep_trace::{Form, Reader, convert};

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

/// The files below a folder whose name ends so, sorted.
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The trace in that form; damage is an error.
pub fn converted(bytes: &[u8], form: Form) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let mut r = Reader::new(bytes).map_err(|e| e.to_string())?;
    let damage = convert(&mut out, form, &mut r).map_err(|e| e.to_string())?;
    damage.first().map_or(Ok(out), |e| Err(e.to_string()))
}

/// Whether both are the same; the error shows the first line that differs.
pub fn same(got: &[u8], want: &[u8]) -> Result<(), String> {
    if got == want {
        return Ok(());
    }
    let text = |b: &[u8]| -> Result<Vec<String>, String> {
        let printed = if b.starts_with(b"LSTRACE") { converted(b, Form::Ndjson)? } else { b.to_vec() };
        Ok(String::from_utf8_lossy(&printed).lines().map(String::from).collect())
    };
    let (got, want) = (text(got)?, text(want)?);
    let show = |line: Option<&String>| line.map_or("has ended".into(), |l| l.chars().take(400).collect::<String>());
    for n in 0..got.len().max(want.len()) {
        let (g, w) = (got.get(n), want.get(n));
        if g != w {
            return Err(format!("line {} differs\n    got  {}\n    want {}", n + 1, show(g), show(w)));
        }
    }
    Err("bytes differ that print the same".into())
}
