//! The sections admin, access_log, metrics and tracing.

use crate::form::NativeFile;
use crate::gotext::{parse_url, quote, split_host_port};
use crate::load::Loader;
use crate::node::{Kind, Node, dig};
use crate::settings::{AccessLog, Admin, Metrics, Observe, Tracing};

impl Loader<'_> {
    pub(crate) fn observe(&mut self, root: &Node, form: &NativeFile) -> Observe {
        let log = &form.access_log.value;
        let mut out = Observe {
            admin: Admin { address: form.admin.address.clone() },
            access_log: AccessLog {
                off: form.access_log.none,
                detail: log.fields != "baseline",
                sample: log.sample.value.0,
                sampled: log.sample.set || log.sample.none,
                ..AccessLog::default()
            },
            metrics: Metrics { exemplars: form.metrics.exemplars },
            tracing: Tracing {
                otlp: form.tracing.otlp.clone(),
                sample: form.tracing.sample.value.0,
                sampled: form.tracing.sample.set || form.tracing.sample.none,
            },
        };
        for a in &log.always {
            match a.word.as_str() {
                "errors" => out.access_log.errors = true,
                "failovers" => out.access_log.failovers = true,
                "retries" => out.access_log.retries = true,
                "slow" => out.access_log.slow = a.slow,
                _ => {}
            }
        }
        self.check_observe(root, &out);
        out
    }

    /// Reports what would do nothing.
    fn check_observe(&mut self, root: &Node, o: &Observe) {
        if let Some(n) = dig(root, &["admin", "address"])
            && n.kind == Kind::Scalar
            && split_host_port(&o.admin.address).is_none()
        {
            let what = format!("{} is not host:port", quote(&o.admin.address));
            self.d.fail(&n.at, what, r#"write "127.0.0.1:9901", or ":9901" for the same"#);
        }
        if let Some(e) = root.value("access_log").and_then(|n| n.get("always"))
            && !o.access_log.sampled
        {
            let hint = "write sample: 10% beside it, or remove it: every request has its line";
            self.d.fail(&e.at, "always says what sampling keeps, and there is no sampling", hint);
        }
        let Some(n) = dig(root, &["tracing", "otlp"]).filter(|n| n.kind == Kind::Scalar) else { return };
        let url = parse_url(&o.tracing.otlp);
        if !url.is_ok_and(|u| !u.host.is_empty() && (u.scheme == "http" || u.scheme == "https")) {
            let what = format!("{} is not an absolute http or https URL", quote(&o.tracing.otlp));
            self.d.fail(&n.at, what, "write the collector's, such as http://127.0.0.1:4318");
        }
    }
}
