//! The sections admin, access_log, metrics and tracing as they are written.

use crate::decode::{Decode, Decoder, settings};
use crate::node::{Kind, Node};
use crate::units::{Dur, Maybe, Share};
use std::sync::Arc;

settings! {
    struct Admin {
        address: String = "address" PLAIN;
    }
}

settings! {
    struct AccessLog {
        fields: String = "fields" oneof(&["all", "baseline"]);
        sample: Maybe<Share> = "sample" PLAIN;
        always: Vec<Always> = "always" PLAIN;
    }
}

settings! {
    struct Metrics {
        exemplars: bool = "exemplars" PLAIN;
    }
}

settings! {
    struct Tracing {
        otlp: String = "otlp" PLAIN;
        sample: Maybe<Share> = "sample" PLAIN;
    }
}

settings! {
    struct Slow {
        slow: Dur = "slow" POSITIVE;
    }
}

/// One sort of request that a sampled log never leaves out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Always {
    pub(crate) word: String,
    pub(crate) slow: i64,
}

impl Decode for Always {
    fn decode(&mut self, d: &mut Decoder, n: &Arc<Node>) {
        if n.kind == Kind::Mapping {
            let slow: Slow = d.decode(n);
            *self = Always { word: "slow".into(), slow: slow.slow.0 };
        } else if d.want(n, Kind::Scalar) {
            d.choice(n, &["errors", "failovers", "retries"]);
            self.word.clone_from(&n.text);
        }
    }
}
