//! The Lockstep router on Pingora: decisions come from lockstep-core, transport from Pingora. Each
//! file is named as the Go adapter that does the same.

mod admin;
mod cli;
mod connections;
mod control;
mod driver;
mod filewatch;
mod lifecycle;
mod lkg;
mod logging;
mod metrics;
mod probe;
mod proxy;
mod record;
mod replay;
mod serve;
mod source;
mod tls;

use clap::Parser;
use cli::{Check, Cli, Command};
use source::Refusal;

/// Exit codes (DESIGN, section 6).
const FINE: i32 = 0;
const FAILED: i32 = 1; // a verdict
const USAGE: i32 = 2;

fn main() {
    logging::init();
    let result = match Cli::parse().command {
        Command::Serve(o) => serve::run(*o).map(|()| FINE),
        Command::Check(o) => check(&o),
        Command::Replay(o) => replay::run(&o.traces),
        Command::Version => {
            println!("router-pingora {}", env!("CARGO_PKG_VERSION"));
            Ok(FINE)
        }
    };
    std::process::exit(result.unwrap_or_else(|why| {
        eprintln!("router-pingora: {why}");
        USAGE
    }));
}

/// Validates configurations as serve would, and prints a verdict on each: 1 where one fails. An error
/// means that the question cannot be asked.
fn check(o: &Check) -> Result<i32, String> {
    let mut code = FINE;
    for path in &o.files {
        let name = path.to_string_lossy();
        // A digest is of what the file means, whoever can serve it.
        let loaded = if o.digest { source::read(&name) } else { source::load(&name) };
        match loaded {
            Ok((_, config)) if o.digest => println!("{:016x}", config.digest()),
            Ok((file, config)) => {
                let count = |n, noun| replay::plural(n, noun);
                let (placements, endpoints) =
                    (count(config.placements(), "placement"), count(config.endpoints(), "endpoint"));
                let (keys, version) = (count(config.keys(), "key"), config.version());
                println!("OK  {name}   {} form, version {version}: {placements}, {endpoints}, {keys}", file.form);
                if !file.must.is_empty() {
                    let promises = count(file.must.len(), "promise");
                    println!("    {promises} of must are not judged here; run lockstep check");
                }
            }
            Err(Refusal::Faulty(why)) => {
                println!("FAIL  {name}\n\n{why}");
                code = FAILED;
            }
            Err(Refusal::Unread(why)) => return Err(why),
        }
    }
    Ok(code)
}
