//! Holds the crate to what its first page says: no clock, thread, IO, hash map, float, unsafe or
//! static, panics in invariant.rs alone, functions that fit a screen. It reads the sources, so it
//! holds for what is not compiled too.

use std::fs;
use std::path::Path;

/// What may not stand in the code, and what to use instead.
const FORBIDDEN: &[(&str, &str)] = &[
    ("std::", "core:: or alloc::; what they lack, the edge does"),
    ("extern crate std", "the crate is no_std"),
    ("HashMap", "its order is random; keep a sorted Vec or an open-addressing table"),
    ("HashSet", "its order is random; keep a sorted Vec"),
    ("f32", "integers: parts per million, or fixed point"),
    ("f64", "integers: parts per million, or fixed point"),
    ("unsafe", "fixed-size structs and indexes"),
    ("static ", "a constant, a match, or a field of Router"),
    ("thread_local", "a field of Router"),
    ("RefCell<", "a field of Router: step takes it by &mut"),
    ("Cell<", "a field of Router: step takes it by &mut"),
    ("Mutex", "the driver holds the lock; core has one caller at a time"),
    ("Atomic", "the driver holds the lock; core has one caller at a time"),
    ("async ", "return a Decision and let the edge run it"),
    ("println!", "the edge does IO: ask for it with a Decision"),
    ("panic!(", "ensure of invariant.rs, which serves on in production"),
    ("unreachable!(", "ensure of invariant.rs, which serves on in production"),
    ("assert!(", "ensure of invariant.rs, which serves on in production"),
    ("debug_assert", "ensure of invariant.rs: debug builds serve too"),
    ("assert_eq!(", "ensure of invariant.rs, which serves on in production"),
    ("todo!(", "the code"),
    ("unimplemented!(", "the code"),
    (".unwrap()", "let else, or a value that is harmless"),
    (".expect(", "let else, or a value that is harmless"),
];

/// The longest function, in lines.
const LONGEST: usize = 70;

/// Returns every source of the crate that is not a test.
fn sources() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_string(), fs::read_to_string(path).unwrap()))
        .filter(|(name, _)| !name.ends_with("_test.rs"))
        .collect();
    all.sort();
    all
}

/// Returns the code of a line without its comment. No string of the crate has // in it but URLs.
fn code(line: &str) -> &str {
    match line.find("//") {
        Some(0) => "",
        Some(at) if !line[..at].ends_with(':') => &line[..at],
        _ => line,
    }
}

/// Reports whether `what` stands in `line`, not as the end or the start of a longer name.
fn stands(line: &str, what: &str) -> bool {
    let name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(what).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + what.len()..].chars().next();
        let starts = !what.starts_with(name) || !before.is_some_and(name) && before != Some('\'');
        let ends = !what.ends_with(char::is_alphanumeric)
            || ["Atomic", "debug_assert"].contains(&what)
            || !after.is_some_and(name);
        starts && ends
    })
}

/// Returns what is impure in a source, as "file:line: what: use this instead".
fn impurities(name: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (n, line) in text.lines().enumerate() {
        for (what, instead) in FORBIDDEN {
            let own = name == "invariant.rs" && *what == "assert!(" || line.trim() == "#![forbid(unsafe_code)]";
            if !own && stands(code(line), what) {
                found.push(format!("{name}:{}: {}: {instead}", n + 1, what.trim()));
            }
        }
    }
    found
}

/// Returns the functions that are longer than a screen, as "file:line: so many lines". rustfmt
/// closes a function at the indentation at which it begins.
fn long_functions(name: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let begins = |line: &str| {
        let line = line.trim_start();
        ["fn ", "pub fn ", "const fn ", "pub const fn ", "pub(crate) fn ", "pub(crate) const fn "]
            .iter()
            .any(|start| line.starts_with(start))
    };
    let mut found = Vec::new();
    for (n, line) in lines.iter().enumerate().filter(|(_, line)| begins(line)) {
        let indent = line.len() - line.trim_start().len();
        let end = format!("{}}}", " ".repeat(indent));
        let length = lines[n..].iter().position(|l| **l == end || l.ends_with('}') && l == line).map_or(1, |at| at + 1);
        if length > LONGEST {
            found.push(format!("{name}:{}: {length} lines", n + 1));
        }
    }
    found
}

#[test]
fn core_is_pure() {
    let found: Vec<String> = sources().iter().flat_map(|(name, text)| impurities(name, text)).collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn every_function_fits_a_screen() {
    let found: Vec<String> = sources().iter().flat_map(|(name, text)| long_functions(name, text)).collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn the_crate_has_neither_the_standard_library_nor_dependencies() {
    let all = sources();
    let (_, lib) = all.iter().find(|(name, _)| name == "lib.rs").unwrap();
    assert!(lib.contains("\n#![no_std]\n") && lib.contains("\n#![forbid(unsafe_code)]\n"));
    assert!(all.len() > 40, "only {} sources are read", all.len());
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let (_, after) = manifest.split_once("\n[dependencies]\n").unwrap();
    let dependencies = after.split("\n[").next().unwrap();
    assert!(dependencies.trim().is_empty(), "core has a dependency: {dependencies}");
}

/// Plants each impurity, so that the test above cannot pass for want of eyes.
#[test]
fn each_impurity_is_found() {
    for (line, found) in [
        ("use std::time::Instant;", true),
        ("    let m: BTreeMap<u8, u8> = HashMap::new();", true),
        ("const X: f64 = 1;", true),
        ("    x as f32", true),
        ("    unsafe { x }", true),
        ("static X: u8 = 1;", true),
        ("    x: &'static str,", false),
        ("    x.unwrap()", true),
        ("    x.unwrap_or_default()", false),
        ("    assert!(x);", true),
        ("    debug_assert!(x);", true),
        ("    debug_assert_eq!(x, y);", true),
        ("    // unsafe, HashMap and f64 in a comment", false),
        ("    let u = \"http://x\"; y.expect(\"z\")", true),
        ("    x: AtomicU64,", true),
        ("    x: RefCell<u8>,", true),
        ("    x: Cell<u8>,", true),
    ] {
        assert_eq!(!impurities("x.rs", line).is_empty(), found, "{line}");
    }
    let long = |lines: usize| format!("    pub fn x() {{\n{}    }}\n", "        y();\n".repeat(lines - 2));
    assert!(long_functions("x.rs", &long(70)).is_empty());
    assert_eq!(long_functions("x.rs", &long(71)), ["x.rs:1: 71 lines"]);
}
