//! The command line: the commands and flags of `lockstep` that this router has, with the same
//! defaults and environment. A flag of `lockstep serve` that it does not support is refused by name.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand};

/// The router on Pingora: the decisions of Lockstep, the transport of Pingora.
#[derive(Parser, Debug)]
#[command(name = "router-pingora", version, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Runs the router
    Serve(Box<Serve>),
    /// Validates configurations: where each fault is and how to mend it
    Check(Check),
    /// Recomputes every decision of a recording and compares
    Replay(Replay),
    /// Prints the version
    Version,
}

/// Flags of serve.
#[derive(Args, Debug, Clone)]
#[command(after_help = "\
Without a control plane the configuration file is watched: a valid change takes effect at once, an
invalid one is reported and the old one stays. With --control the file is only what a router with an
empty disk starts with, and serving never depends on the control plane.

One JSON line a request goes to standard output, everything else to standard error. SIGUSR1, or a
breaker that opens, dumps the newest decisions; with --record all of them are written. SIGTERM or
SIGINT drains: requests under way get --drain; a second one ends at once. SIGHUP reads the file again.

Hot upgrade, Pingora's way: start the new program with --upgrade, then send SIGQUIT to the old one. It
hands over its listening sockets through --upgrade-sock, what it has learnt (breakers, health) through
a socket beside it, and drains.

Example:
  router-pingora serve -c routing.yaml --listen :8080 --record /var/lib/lockstep/rec")]
pub struct Serve {
    /// Configuration file
    #[arg(short = 'c', long, env = "CONFIG_PATH", default_value = "", hide_env_values = true)]
    pub config: String,
    /// Address to listen on (default the file's, else :8080) [env: PORT=]
    #[arg(long, default_value = "")]
    pub listen: String,
    /// Folder to write the whole recording to
    #[arg(long, default_value = "")]
    pub record: String,
    /// Folder for dumps
    #[arg(long, default_value_os_t = std::env::temp_dir().join("lockstep-dumps"))]
    pub dumps: PathBuf,
    /// URL of the control plane
    #[arg(long, env = "CONTROL_PLANE_URL", default_value = "", hide_env_values = true)]
    pub control: String,
    /// Folder of the last-known-good copy of what the control plane pushed
    #[arg(long, default_value = "")]
    pub state: String,
    /// File with the token for the control plane
    #[arg(long, default_value = "")]
    pub control_token: String,
    /// Permits a control plane on another machine without a token
    #[arg(long)]
    pub insecure: bool,
    /// How long requests under way get after SIGTERM, or after an upgrade
    #[arg(long, default_value = "10s", value_parser = duration)]
    pub drain: Duration,
    /// File with the key of sticky cookies, the same for all routers behind one balancer
    #[arg(long, default_value = "")]
    pub sticky_key: String,
    /// After SIGTERM, how long to serve on while /readyz already says no
    #[arg(long, default_value = "0s", value_parser = duration)]
    pub lame_duck: Duration,
    /// Address of metrics, health and readiness, not for clients (host:port; :PORT means loopback)
    #[arg(long, default_value = "")]
    pub admin: String,
    /// Writes no line per request
    #[arg(long)]
    pub no_log: bool,
    /// Threads that serve requests (default one a processor)
    #[arg(long)]
    pub threads: Option<usize>,
    /// Takes the listening sockets of the router that runs and is about to get SIGQUIT
    #[arg(long)]
    pub upgrade: bool,
    /// Socket of the hot upgrade, the same for both programs
    #[arg(long, default_value_os_t = std::env::temp_dir().join("router-pingora-upgrade.sock"))]
    pub upgrade_sock: PathBuf,

    #[arg(long, hide = true, action = ArgAction::Append)]
    upgrade_to: Vec<String>,
    #[arg(long, hide = true, action = ArgAction::Append)]
    upgrade_wait: Vec<String>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true", action = ArgAction::Append)]
    metrics_exemplars: Vec<String>,
    #[arg(long, hide = true, action = ArgAction::Append)]
    otlp: Vec<String>,
}

/// Flags of check.
#[derive(Args, Debug, Clone)]
pub struct Check {
    /// Configuration files, any form
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Prints the digest of each configuration, as /debug/config has it, and nothing else
    #[arg(long)]
    pub digest: bool,
}

/// Flags of replay.
#[derive(Args, Debug, Clone)]
pub struct Replay {
    /// Files in either form, or folders of segments (*.lst)
    #[arg(required = true)]
    pub traces: Vec<PathBuf>,
}

impl Serve {
    /// Refuses what `lockstep serve` has and this router does not, and fills in what the environment
    /// says by other names. The error says what to do.
    pub fn settle(&mut self, env: impl Fn(&str) -> Option<String>) -> Result<(), String> {
        let refused = [
            (&self.upgrade_to, "--upgrade-to", UPGRADE),
            (&self.upgrade_wait, "--upgrade-wait", UPGRADE),
            (&self.metrics_exemplars, "--metrics-exemplars", "it traces no requests; leave the flag away"),
            (&self.otlp, "--otlp", "it sends no traces; leave the flag away, or run lockstep serve"),
        ];
        for (given, flag, instead) in refused {
            if given.iter().any(|v| v != "false") {
                return Err(format!("router-pingora does not support {flag}: {instead}"));
            }
        }
        for name in ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] {
            if env(name).is_some_and(|v| !v.is_empty()) {
                return Err(format!(
                    "router-pingora does not support {name}: it sends no traces; unset it for this process, or run lockstep serve"
                ));
            }
        }
        if env("LISTEN_FDS").is_some() && env("LISTEN_PID") == Some(std::process::id().to_string()) {
            return Err("router-pingora does not support systemd's socket activation: let it open the address itself (without a .socket unit)".into());
        }
        if self.listen.is_empty() {
            self.listen = env("PORT").unwrap_or_default();
        }
        self.listen = address_of_port(&self.listen);
        if self.threads == Some(0) {
            return Err("--threads must be at least 1; leave it away for one a processor".into());
        }
        if self.config.is_empty() && self.control.is_empty() {
            return Err(
                "no configuration: name a file with -c (or CONFIG_PATH), or a control plane with --control".into()
            );
        }
        Ok(())
    }
}

const UPGRADE: &str = "start the new program with --upgrade and send SIGQUIT to this one";

/// Makes an address of a port alone, as PORT has it.
fn address_of_port(port: &str) -> String {
    if port.is_empty() || port.contains(':') {
        return port.to_string();
    }
    format!(":{port}")
}

/// Reads a duration as Go writes it: 300ms, 1.5h, 2m30s; 0 needs no unit.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a duration; write it as 10s, 500ms or 1m30s");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let unit = rest[number..].find(|c: char| c.is_ascii_digit() || c == '.').map_or(rest.len(), |n| number + n);
        let nanos: u64 = match &rest[number..unit] {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return Err(wrong()),
        };
        let part = decimal(&rest[..number], nanos).ok_or_else(wrong)?;
        total = total.checked_add(Duration::from_nanos(part)).ok_or_else(wrong)?;
        rest = &rest[unit..];
    }
    if text.is_empty() { Err(wrong()) } else { Ok(total) }
}

/// Is a decimal number times a unit, in whole nanoseconds; None if it is none or too large.
fn decimal(number: &str, unit: u64) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let digits = |s: &str| if s.is_empty() { Some(0) } else { s.parse::<u64>().ok() };
    let part: String = part.chars().take(9).collect();
    let of = 10u64.pow(part.len() as u32); // at most 9 digits
    let fraction = u128::from(digits(&part)?) * u128::from(unit) / u128::from(of);
    digits(whole)?.checked_mul(unit)?.checked_add(u64::try_from(fraction).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serve(args: &[&str]) -> Serve {
        let all = ["router-pingora", "serve"].iter().chain(args);
        match Cli::try_parse_from(all).unwrap().command {
            Command::Serve(s) => *s,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, want) in [
            ("0", Some(Duration::ZERO)),
            ("10s", Some(Duration::from_secs(10))),
            ("1m30s", Some(Duration::from_secs(90))),
            ("1.5h", Some(Duration::from_secs(5400))),
            ("500ms", Some(Duration::from_millis(500))),
            (".5s", Some(Duration::from_millis(500))),
            ("", None),
            ("5", None),
            ("s", None),
            ("5 s", None),
            ("-1s", None),
            ("5x", None),
            ("99999999999999999999s", None),
            ("9999999999h", None),
        ] {
            assert_eq!(duration(text).ok(), want, "{text:?}");
        }
    }

    #[test]
    fn a_flag_or_variable_that_is_not_supported_is_refused_by_name() {
        for (args, env, want) in [
            (&["--upgrade-to", "/bin/x"][..], None, "--upgrade-to"),
            (&["--upgrade-wait=3s"], None, "--upgrade-wait"),
            (&["--metrics-exemplars"], None, "--metrics-exemplars"),
            (&["--otlp", "http://127.0.0.1:4318"], None, "--otlp"),
            (&[], Some("OTEL_EXPORTER_OTLP_ENDPOINT"), "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ] {
            let mut s = serve(&[&["-c", "f"], args].concat());
            let error = s.settle(|name| (Some(name) == env).then(|| "set".to_string())).unwrap_err();
            assert!(error.contains(want) && error.contains("does not support"), "{error}");
        }
    }

    #[test]
    fn the_baselines_environment_stands_for_the_flags() {
        let mut s = serve(&["-c", "f"]);
        s.settle(|name| (name == "PORT").then(|| "9000".to_string())).unwrap();
        assert_eq!(s.listen, ":9000");
        let mut s = serve(&["-c", "f", "--listen", "127.0.0.1:1"]);
        s.settle(|name| (name == "PORT").then(|| "9000".to_string())).unwrap();
        assert_eq!(s.listen, "127.0.0.1:1", "the flag wins");
        assert!(serve(&[]).settle(|_| None).unwrap_err().contains("no configuration"));
    }
}
