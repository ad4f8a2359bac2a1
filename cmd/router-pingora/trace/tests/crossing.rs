//! Recordings cross between the two implementations: what one writes the other reads, replays and writes
//! the same. These tests run the Go program, whose path is in LOCKSTEP:
//!
//! ```text
//! LOCKSTEP=$PWD/bin/lockstep cargo test -p lockstep-trace --test crossing -- --ignored
//! ```

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{converted, files, repository, same};
use lockstep_core::{EventKind, Router, snapshot_config};
use lockstep_trace::{Form, Header, Item, Reader, Report, Verifier, Writer, route_of, verify};

/// A folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("crossing").join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

/// Runs the Go program in the root of the repository and returns what it says; its failure is an error.
fn lockstep<S: AsRef<std::ffi::OsStr>>(args: &[S]) -> Result<String, String> {
    let program = std::env::var_os("LOCKSTEP").expect("LOCKSTEP must be the path of the Go program");
    let out = Command::new(program).current_dir(repository()).args(args).output().map_err(|e| e.to_string())?;
    let said = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    if out.status.success() { Ok(said) } else { Err(said) }
}

fn vectors() -> Vec<PathBuf> {
    let vectors = files(&repository().join("traces"), "ndjson");
    assert!(!vectors.is_empty());
    vectors
}

/// Feeds a recording's inputs to a router of this implementation and records it anew. The recording must
/// begin with the router's life.
fn recorded_anew(trace: &[u8], form: Form) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let mut r = Reader::new(trace).map_err(|e| e.to_string())?;
    let header = Header { spec: String::new(), ..r.header().clone() };
    let (mut router, mut w, mut decided) = (None, None, Vec::new());
    let (mut restore, mut first) = (Vec::new(), None);
    while let Some(item) = r.next().map_err(|e| e.to_string())? {
        match item {
            Item::Block(b) if router.is_none() => {
                let (digest, _) = snapshot_config(&b.snapshot).map_err(|e| e.to_string())?;
                (restore, first) = (b.snapshot.clone(), Some(digest));
            }
            Item::Fact(f) => {
                let r: &mut Router = router.as_mut().ok_or("a fact before the first block")?;
                if f.event.kind == EventKind::ARRIVE {
                    f.event.route = route_of(r.config().map(|c| &**c), &f.key, &f.event);
                }
                decided.clear();
                r.step(f.time, &mut f.event, &mut decided);
                let w: &mut Writer<_> = w.as_mut().ok_or("a fact before the first block")?;
                let request = (f.event.kind == EventKind::ARRIVE).then(|| f.request());
                w.observe(r, &f.event, request, &decided);
            }
            _ => {}
        }
        if let Some(digest) = first.take() {
            let c = r.config(digest).cloned();
            let restored = router.insert(Router::restore(&restore, c, true).map_err(|e| e.to_string())?);
            w = Some(Writer::new(&mut out, form, header.clone(), restored));
        }
    }
    let (Some(w), Some(mut router)) = (w, router) else { return Err("there is no block".into()) };
    w.close(&mut router).map_err(|e| e.to_string())?;
    Ok(out)
}

fn replayed(trace: &[u8]) -> Result<Report, String> {
    let report = verify(&mut Reader::new(trace).map_err(|e| e.to_string())?).map_err(|e| e.to_string())?;
    if let Some(d) = &report.divergence {
        return Err(d.to_string());
    }
    report.damage.first().map_or(Ok(()), |e| Err(e.to_string()))?;
    Ok(report)
}

#[track_caller]
fn none_fails(failed: &[String], of: usize) {
    assert!(failed.is_empty(), "{} of {of} fail:\n{}", failed.len(), failed.join("\n"));
}

#[test]
#[ignore = "needs the Go program in LOCKSTEP"]
fn both_implementations_store_every_vector_in_the_same_bytes() {
    let (to, vectors) = (folder("stored"), vectors());
    let mut failed = Vec::new();
    for (i, path) in vectors.iter().enumerate() {
        let (ours, theirs, back) =
            (to.join(format!("{i}-ours.lst")), to.join(format!("{i}.lst")), to.join(format!("{i}.ndjson")));
        let vector = fs::read(path).unwrap();
        let check = || -> Result<(), String> {
            let stored = converted(&vector, Form::Binary)?;
            fs::write(&ours, &stored).unwrap();
            lockstep(&["convert".as_ref(), path.as_os_str(), "-o".as_ref(), theirs.as_os_str()])?;
            same(&stored, &fs::read(&theirs).unwrap())?;
            lockstep(&["convert".as_ref(), ours.as_os_str(), "-o".as_ref(), back.as_os_str()])?;
            same(&fs::read(&back).unwrap(), &vector)
        };
        if let Err(why) = check() {
            failed.push(format!("{}: {why}", path.display()));
        }
    }
    none_fails(&failed, vectors.len());
}

#[test]
#[ignore = "needs the Go program in LOCKSTEP"]
fn what_this_implementation_records_replays_on_the_other() {
    let (to, vectors) = (folder("recorded"), vectors());
    let mut failed = Vec::new();
    for (i, path) in vectors.iter().enumerate() {
        let vector = fs::read(path).unwrap();
        for (form, name) in [(Form::Binary, "lst"), (Form::Ndjson, "ndjson")] {
            let file = to.join(format!("{i}.{name}"));
            let check = || -> Result<(), String> {
                let recording = recorded_anew(&vector, form)?;
                fs::write(&file, &recording).unwrap();
                replayed(&recording)?;
                lockstep(&["replay".as_ref(), file.as_os_str()]).map(drop)
            };
            if let Err(why) = check() {
                failed.push(format!("{}, {name}: {why}", path.display()));
            }
        }
    }
    none_fails(&failed, vectors.len());
}

#[test]
#[ignore = "needs the Go program in LOCKSTEP"]
fn what_the_other_simulates_replays_here_and_is_recorded_in_the_same_bytes() {
    let to = folder("simulated");
    let scenarios = files(&repository().join("scenarios"), "yaml");
    let (mut failed, mut facts, mut blocks, mut ran) = (Vec::new(), 0, 0, 0);
    for (i, path) in scenarios.iter().enumerate() {
        for name in ["lst", "ndjson"] {
            let file = to.join(format!("{i}.{name}"));
            let args = ["sim".as_ref(), path.as_os_str(), "--trace".as_ref(), file.as_os_str()];
            // A scenario that is meant to fail leaves its trace all the same; a configuration is no scenario.
            let said = lockstep(&args).unwrap_or_else(|said| said);
            let Ok(trace) = fs::read(&file) else {
                assert!(path.to_string_lossy().contains("configs") || said.contains("scenario"), "{said}");
                continue;
            };
            ran += 1;
            let form = if name == "lst" { Form::Binary } else { Form::Ndjson };
            let check = || -> Result<Report, String> {
                let report = replayed(&trace)?;
                same(&recorded_anew(&trace, form)?, &trace)?;
                Ok(report)
            };
            match check() {
                Ok(report) => (facts, blocks) = (facts + report.facts, blocks + report.blocks),
                Err(why) => failed.push(format!("{}, {name}: {why}", path.display())),
            }
            fs::remove_file(&file).unwrap();
        }
    }
    none_fails(&failed, ran);
    println!("{ran} traces, {blocks} blocks, {facts} facts");
    assert!(ran > 80 && blocks > ran as u64, "{ran} traces, {blocks} blocks, {facts} facts");
}

/// The segments of a folder, in order of name.
#[test]
#[ignore = "needs a folder that `lockstep serve --record` wrote, in RECORDING"]
fn what_the_other_recorded_while_it_served_replays_here() {
    let folder = std::env::var_os("RECORDING").expect("RECORDING must be a folder of segments");
    let segments = files(Path::new(&folder), "lst");
    assert!(!segments.is_empty());
    let mut v = Verifier::default();
    for path in &segments {
        v.run(&mut Reader::new(fs::File::open(path).unwrap()).unwrap()).unwrap();
    }
    let r = v.report();
    assert!(r.divergence.is_none(), "{}", r.divergence.as_ref().unwrap());
    assert!(r.ok() && r.facts > 0 && r.decisions > 0, "{r:?}");
    println!(
        "{} segments, {} blocks, {} facts, {} requests, {} decisions, {} digests, {} steps lost",
        segments.len(),
        r.blocks,
        r.facts,
        r.requests,
        r.decisions,
        r.digests,
        r.lost
    );
}
