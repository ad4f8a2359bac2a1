//! Refusals in gRPC: status 200, no body, the code and its text in the header, which is gRPC's
//! "trailers only" form. adapters/httpproxy/README.md has the table with its reasons.

use lockstep_core::Class;

/// Whether the client speaks gRPC, by its content type: it reads a status from trailers and takes any
/// HTTP status but 200 for a broken proxy.
pub(crate) fn is_grpc(content_type: Option<&[u8]>) -> bool {
    match content_type.and_then(|t| t.strip_prefix(b"application/grpc")) {
        Some(rest) => matches!(rest.first(), None | Some(b'+' | b';')),
        None => false,
    }
}

/// The status that tells a gRPC client of a class. What may succeed when it is tried again elsewhere
/// or later is UNAVAILABLE, which is what gRPC clients retry.
pub(crate) fn code(c: Class) -> u8 {
    match c {
        Class::CLIENT_GONE => 1,                               // CANCELLED
        Class::NO_KEY => 3,                                    // INVALID_ARGUMENT
        Class::REQUEST_TIMEOUT | Class::RESPONSE_TIMEOUT => 4, // DEADLINE_EXCEEDED
        Class::UNKNOWN_KEY => 5,                               // NOT_FOUND
        Class::BODY_TOO_LARGE
        | Class::HEADER_TOO_LARGE
        | Class::URI_TOO_LONG
        | Class::LIMIT_REACHED
        | Class::FAIR_SHARE => 8, // RESOURCE_EXHAUSTED
        Class::NO_ROUTE => 12,                                 // UNIMPLEMENTED
        Class::BAD_REQUEST | Class::BAD_RESPONSE | Class::INTERNAL => 13, // INTERNAL
        Class::QUEUE_TIMEOUT
        | Class::CIRCUIT_OPEN
        | Class::NO_ENDPOINT
        | Class::NOT_READY
        | Class::DRAINING
        | Class::SHED
        | Class::DNS
        | Class::CONNECT_REFUSED
        | Class::CONNECT_TIMEOUT
        | Class::TLS
        | Class::RESET_BEFORE_RESPONSE => 14, // UNAVAILABLE
        Class::UNAUTHORIZED => 16,                             // UNAUTHENTICATED
        _ => 2,                                                // UNKNOWN
    }
}

/// Encodes a message as gRPC does: what is not printable ASCII, and the percent sign.
pub(crate) fn percent(s: &str) -> String {
    let mut out = String::with_capacity(s.len() + 8);
    for b in s.bytes() {
        if matches!(b, b' '..=b'~') && b != b'%' {
            out.push(b as char);
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grpc_is_told_by_its_content_type_alone() {
        for (given, is) in [
            (Some(&b"application/grpc"[..]), true),
            (Some(b"application/grpc+proto"), true),
            (Some(b"application/grpc;x"), true),
            (Some(b"application/grpc-web"), false),
            (Some(b"application/json"), false),
            (None, false),
        ] {
            assert_eq!(is_grpc(given), is, "{given:?}");
        }
    }

    #[test]
    fn a_message_is_encoded_outside_printable_ascii() {
        assert_eq!(percent("100% \u{e9}\n"), "100%25 %C3%A9%0A");
    }

    #[test]
    fn every_class_with_a_status_of_its_own_has_a_code_that_is_not_unknown() {
        for n in 1..lockstep_core::CLASSES {
            let c = Class(n);
            if c.row().status != 0 {
                assert_ne!(code(c), 2, "{c}");
            }
        }
    }
}
