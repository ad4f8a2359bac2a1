//! The setting upstream as it is written: how connections to endpoints are made and kept.

use crate::decode::{Decode, Decoder, Mistake, settings};
use crate::gotext::quote;
use crate::node::Node;
use crate::settings::Status;
use crate::units::{Dur, Maybe, Size, digits};
use std::sync::Arc;

settings! {
    struct Upstream {
        protocol: String = "protocol" oneof(&["http1", "h2", "h2c", "auto"]);
        host: String = "host" PLAIN;
        proxy_protocol: Maybe<String> = "proxy_protocol" oneof(&["v1", "v2"]);
        pool: Pool = "pool" PLAIN;
        header_max: Size = "header_max" POSITIVE;
        h2: H2 = "h2" PLAIN;
        tls: Maybe<Tls> = "tls" PLAIN;
    }
}

settings! {
    struct Pool {
        max_open: Maybe<u16> = "max_open" POSITIVE;
        warm: Maybe<u16> = "warm" POSITIVE;
        max_lifetime: Maybe<Dur> = "max_lifetime" POSITIVE;
        max_requests: Maybe<u32> = "max_requests" POSITIVE;
    }
}

settings! {
    struct H2 {
        streams: Maybe<u16> = "streams" POSITIVE;
        ping_after: Dur = "ping_after" POSITIVE;
        ping_timeout: Dur = "ping_timeout" POSITIVE;
    }
}

settings! {
    struct Tls {
        ca: String = "ca" PLAIN;
        server_name: String = "server_name" PLAIN;
        cert: String = "cert" PLAIN;
        key: KeyFile = "key" PLAIN;
        min: String = "min" oneof(&["1.2", "1.3"]);
        insecure: bool = "insecure" PLAIN;
    }
}

settings! {
    /// A secret: only ever the name of a file.
    struct KeyFile {
        file: String = "file" PLAIN;
    }
}

settings! {
    /// Endpoints that are found by name.
    struct Discovery {
        dns: String = "dns" PLAIN;
        scheme: String = "scheme" oneof(&["http", "https"]);
        server: String = "server" PLAIN;
    }
}

/// A status, or a range of them written 200..399.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct StatusRange(pub(crate) Status);

impl Decode for StatusRange {
    fn decode(&mut self, d: &mut Decoder, n: &Arc<Node>) {
        d.text(n, &mut self.0, |text| {
            let (low, high) = text.split_once("..").unwrap_or((text, text));
            match (digits(low), digits(high)) {
                (Some(from @ 100..), Some(to @ ..=599)) if from <= to => {
                    Ok(Status { from: from as u16, to: to as u16 })
                }
                _ => Err(Mistake::of(
                    format!("{} is not a status or a range of them", quote(text)),
                    "write 204, or 200..399 with the smaller first, within 100 to 599",
                )),
            }
        });
    }
}
