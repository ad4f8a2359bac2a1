//! `router-pingora replay`: recomputes every decision of a recording and stops at the first that
//! differs, as `lockstep replay`.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use lockstep_trace::{Reader, Report, Verifier};

use crate::{FAILED, FINE};

/// Replays files in the order given, as one recording, and prints the verdict. It returns the exit
/// code; an error means that the question cannot be asked.
pub fn run(args: &[PathBuf]) -> Result<i32, String> {
    let files = trace_files(args)?;
    let mut v = Verifier::default();
    for path in &files {
        let damage = v.report().damage.len();
        replay_file(&mut v, path).map_err(|e| format!("{}: {e}", path.display()))?;
        for d in &v.report().damage[damage..] {
            println!("damage     {}: {d}", path.display());
        }
        if let Some(d) = &v.report().divergence {
            print!("{}: {d}", path.display());
            break;
        }
    }
    let report = v.report();
    print!("{}", verdict(report));
    Ok(if report.ok() { FINE } else { FAILED })
}

fn replay_file(v: &mut Verifier, path: &Path) -> Result<(), String> {
    let file = File::open(path).map_err(|e| e.to_string())?;
    let mut reader = Reader::new(BufReader::new(file)).map_err(|e| e.to_string())?;
    v.run(&mut reader).map_err(|e| e.to_string())
}

/// Replaces each folder by its segments in order of name; dumps, which repeat what segments hold,
/// count only if there is nothing else.
fn trace_files(args: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for arg in args {
        let about = |e: std::io::Error| format!("{}: {e}", arg.display());
        if !std::fs::metadata(arg).map_err(about)?.is_dir() {
            files.push(arg.clone());
            continue;
        }
        let mut found = Vec::new();
        for entry in std::fs::read_dir(arg).map_err(about)? {
            let path = entry.map_err(about)?.path();
            if path.extension().is_some_and(|e| e == "lst") {
                found.push(path);
            }
        }
        if found.is_empty() {
            return Err(format!("{} holds no segment (*.lst); name the trace files themselves", arg.display()));
        }
        found.sort();
        let is_dump = |path: &PathBuf| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("dump-"));
        if found.iter().any(|path| !is_dump(path)) {
            found.retain(|path| !is_dump(path));
        }
        files.extend(found);
    }
    Ok(files)
}

fn verdict(r: &Report) -> String {
    let mut out = String::new();
    for spec in &r.specs {
        out += &format!("note       recorded under spec {spec}, replayed under {}\n", lockstep_trace::SPEC_VERSION);
    }
    for g in &r.gaps {
        let (steps, from) = (thousands(g.steps), thousands(g.step));
        out += &format!("gap        {steps} steps from step {from} on ({} blocks): {}\n", g.blocks, g.why);
    }
    let mut gaps = match r.gaps.len() {
        0 => "no gap".to_string(),
        n => plural(n, "gap"),
    };
    if r.lost > 0 {
        let lost = format!("{} events missing", thousands(r.lost));
        gaps = if r.gaps.is_empty() { lost } else { format!("{gaps}, {lost}") };
    }
    let (decisions, facts) = (thousands(r.decisions), thousands(r.facts));
    let blocks = plural(usize::try_from(r.blocks).unwrap_or(usize::MAX), "block");
    out += &format!("{decisions} decisions over {facts} events identical, {blocks}, {gaps}");
    if r.divergence.is_some() {
        out += "; stopped at the divergence";
    } else if !r.damage.is_empty() {
        out += &format!("; {}", plural(r.damage.len(), "damaged part"));
    }
    out + "\n"
}

/// Prints a count with commas.
fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// Is n with its noun: 1 gap, 2 gaps.
pub fn plural(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_printed_with_commas() {
        for (n, want) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(n), want);
        }
    }

    #[test]
    fn a_folder_stands_for_its_segments_and_for_its_dumps_only_without_any() {
        let folder = std::env::temp_dir().join(format!("router-pingora-replay-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder); // of a run before
        std::fs::create_dir_all(&folder).unwrap();
        let names = |args: &[PathBuf]| -> Vec<String> {
            let files = trace_files(args).unwrap();
            files.iter().map(|p| p.file_name().unwrap().to_string_lossy().into_owned()).collect()
        };
        assert!(trace_files(std::slice::from_ref(&folder)).is_err(), "an empty folder");
        for name in ["dump-a.lst", "x.txt"] {
            std::fs::write(folder.join(name), "").unwrap();
        }
        assert_eq!(names(std::slice::from_ref(&folder)), ["dump-a.lst"]);
        for name in ["b.lst", "a.lst"] {
            std::fs::write(folder.join(name), "").unwrap();
        }
        assert_eq!(names(std::slice::from_ref(&folder)), ["a.lst", "b.lst"]);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
