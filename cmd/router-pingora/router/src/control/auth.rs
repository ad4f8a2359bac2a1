//! Who a control plane is, and who may be asked (BASELINE 12).

use std::net::IpAddr;
use std::path::Path;

use http::Uri;

/// Where routers connect (BASELINE).
const CONNECT: &str = "/connect";

/// Reads a bearer token from a file, without the white space around it.
pub fn read_token(path: &Path) -> Result<String, String> {
    let data = std::fs::read_to_string(path).map_err(|e| format!("reading the token: {}: {e}", path.display()))?;
    let token = data.trim();
    if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(format!(
            "the token in {} is empty or not one printable word; make one with: openssl rand -hex 32",
            path.display()
        ));
    }
    Ok(token.to_string())
}

/// Returns the address to dial for what the operator wrote: ws, wss, http or https; without a path,
/// /connect is meant.
pub fn check_url(raw: &str, token: &str, insecure: bool) -> Result<String, String> {
    let example = "write it as ws://127.0.0.1:8081/connect";
    let (scheme, rest) = match raw.split_once("://") {
        Some(("ws" | "http", rest)) => ("ws", rest),
        Some(("wss" | "https", rest)) => ("wss", rest),
        _ => return Err(format!("the control plane's URL {raw:?} is not a ws or wss URL; {example}")),
    };
    let url: Uri =
        format!("{scheme}://{rest}").parse().map_err(|e| format!("the control plane's URL {raw:?}: {e}; {example}"))?;
    let host = url.host().unwrap_or_default();
    let authority = url.authority().map_or("", |a| a.as_str());
    if host.is_empty() {
        return Err(format!("the control plane's URL {raw:?} has no host; {example}"));
    }
    if token.is_empty() && !insecure && !loopback(host) {
        return Err(format!(
            "the control plane {authority} is on another machine and there is no token: whoever answers there decides where requests go; give a token file, or --insecure"
        ));
    }
    match url.path_and_query().map(|p| p.as_str()) {
        None | Some("" | "/") => Ok(format!("{scheme}://{authority}{CONNECT}")),
        Some(path) if path.starts_with("/?") => Ok(format!("{scheme}://{authority}{CONNECT}{}", &path[1..])),
        Some(path) => Ok(format!("{scheme}://{authority}{path}")),
    }
}

/// Reports whether host is this machine by its spelling; names are not looked up.
fn loopback(host: &str) -> bool {
    if host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_plane_on_another_machine_needs_a_token_or_a_word() {
        for (raw, token, insecure, want) in [
            ("ws://127.0.0.1:8081/connect", "", false, Some("ws://127.0.0.1:8081/connect")),
            ("ws://localhost:8081", "", false, Some("ws://localhost:8081/connect")),
            ("http://127.0.0.1:8081/", "", false, Some("ws://127.0.0.1:8081/connect")),
            ("https://[::1]:8081/x?y=1", "", false, Some("wss://[::1]:8081/x?y=1")),
            ("ws://[::ffff:127.0.0.1]:1", "", false, Some("ws://[::ffff:127.0.0.1]:1/connect")),
            ("ws://control.example:8081", "", false, None),
            ("ws://control.example:8081", "t", false, Some("ws://control.example:8081/connect")),
            ("ws://control.example:8081", "", true, Some("ws://control.example:8081/connect")),
            ("ftp://127.0.0.1", "", false, None),
            ("127.0.0.1:8081", "", false, None),
            ("ws://", "", true, None),
        ] {
            assert_eq!(check_url(raw, token, insecure).ok().as_deref(), want, "{raw}");
        }
    }
}
