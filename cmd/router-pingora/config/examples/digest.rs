//! What this crate makes of configuration files, one line of JSON each, for the test that compares it
//! with the Go side: the digest of the compiled configuration, or every fault with its place.
//!
//!     cargo run -p lockstep-config --example digest FILE...
//!
//! Without arguments it reads the names from standard input, one a line.

use lockstep_config::{File, LoadError, Problems};
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
            "warnings": file.warnings.0,
        }),
        Err(faults) => refused(path, &faults),
    }
}

fn refused(path: &str, faults: &Problems) -> Value {
    json!({"file": path, "errors": faults.0})
}
