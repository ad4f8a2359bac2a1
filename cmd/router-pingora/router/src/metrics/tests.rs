//! What a scrape shows of a driver whose requests end in one way or another.

use std::time::Duration;

use lockstep_core::{Class, Epoch, Fault, Origin, RetryWhy};

use super::*;
use crate::driver::{Admission, Arrival, Options as DriverOptions};
use crate::proxy::Observer as _;

struct Rig {
    driver: Arc<Driver>,
    metrics: Metrics,
}

impl Rig {
    fn new() -> Rig {
        let counts = Arc::new(Counts::default());
        let observer = Box::new(Observer::new(counts.clone(), None));
        let driver = Driver::new(DriverOptions { recorder: Some(observer), ..DriverOptions::default() });
        let metrics = Metrics::new(Options {
            driver: driver.clone(),
            decisions: counts,
            recorder: Box::new(|| record::Stats { lost_steps: 7, ..record::Stats::default() }),
            log_lost: Box::new(|| 3),
            ready: Box::new(|| true),
            listeners: Vec::new(),
        });
        Rig { driver, metrics: metrics.unwrap() }
    }

    fn adopt(&self, version: &str, placements: &[&str]) {
        let table: Vec<_> = placements.iter().map(|p| format!(r#""{p}":"{p}""#)).collect();
        let cells: Vec<_> = placements.iter().map(|p| format!(r#""{p}":"http://user:secret@{p}:1""#)).collect();
        let text = format!(
            r#"{{"version":"{version}","routingTable":{{{}}},"cellEndpoints":{{{}}},"defaultPlacement":"{}"}}"#,
            table.join(","),
            cells.join(","),
            placements[0]
        );
        let config = lockstep_config::File::parse("t", text.as_bytes()).unwrap().compile().unwrap();
        self.driver.adopt(Some(config), Epoch::default(), Origin::FILE, Fault::NONE);
    }

    fn arrive(&self, key: &str) -> Admission {
        self.driver.arrive(&Arrival { key: key.as_bytes(), id: [1, 2], ..Arrival::default() })
    }

    fn ended(&self, admission: &Admission, status: u16, class: Class) {
        let took = Duration::from_millis(3);
        self.metrics.attempt_ended(&AttemptSeen {
            admission,
            headers: Some(took),
            status,
            class,
            retry: RetryWhy::Off,
        });
        self.metrics.request_ended(&RequestSeen { admission, status, class, took, received: 5, sent: 11 });
    }

    fn has(&self, sample: &str) -> bool {
        self.metrics.text().lines().any(|l| l == sample)
    }
}

#[test]
fn requests_and_attempts_are_counted_by_who_served_and_how_they_ended() {
    let rig = Rig::new();
    rig.adopt("1", &["a", "b"]);
    rig.ended(&rig.arrive("a"), 200, Class::NONE);
    rig.ended(&rig.arrive("b"), 503, Class::NONE);
    rig.ended(&rig.arrive("b"), 502, Class::CONNECT_REFUSED);
    for sample in [
        r#"lockstep_requests_total{class="ok",code="2xx",failover="",placement="a",reason="dedicated"} 1"#,
        r#"lockstep_requests_total{class="upstream_5xx",code="5xx",failover="",placement="b",reason="dedicated"} 1"#,
        r#"lockstep_requests_total{class="connect_refused",code="5xx",failover="",placement="b",reason="dedicated"} 1"#,
        r#"lockstep_attempts_total{class="ok",endpoint="http://a:1",placement="a"} 1"#,
        r#"lockstep_sent_bytes_total{placement="b"} 22"#,
        r#"lockstep_received_bytes_total{placement="b"} 10"#,
        r#"lockstep_request_duration_seconds_count{placement="b"} 2"#,
        r#"lockstep_in_flight{placement="b"} 2"#,
        r#"lockstep_breaker_state{endpoint="http://a:1",placement="a",state="closed"} 1"#,
        r#"lockstep_events_total{event="arrive"} 3"#,
        r#"lockstep_decisions_total{cause="",class="",kind="forward"} 3"#,
        r#"lockstep_access_log_lost_writes_total 3"#,
        r#"lockstep_recorder_lost_steps_total 7"#,
        r#"lockstep_config_epoch 1"#,
    ] {
        assert!(rig.has(sample), "no {sample} in\n{}", rig.metrics.text());
    }
    assert!(!rig.metrics.text().contains("secret"), "user-info is shown");
}

#[test]
fn what_leaves_the_configuration_leaves_the_metrics_and_late_ends_count_for_nobody() {
    let rig = Rig::new();
    let early = rig.arrive("a");
    rig.ended(&early, 503, Class::NOT_READY);
    let nobody = r#"lockstep_requests_total{class="not_ready",code="5xx",failover="",placement="",reason=""} 1"#;
    assert!(rig.has(nobody), "{}", rig.metrics.text());
    rig.adopt("1", &["a", "b"]);
    let late = rig.arrive("b");
    rig.ended(&late, 200, Class::NONE);
    rig.adopt("2", &["a"]);
    assert!(!rig.metrics.text().contains("placement=\"b\""), "{}", rig.metrics.text());
    rig.ended(&late, 200, Class::NONE);
    let nobody = r#"lockstep_requests_total{class="ok",code="2xx",failover="",placement="",reason="dedicated"} 1"#;
    assert!(rig.has(nobody), "{}", rig.metrics.text());
    assert!(!rig.metrics.text().contains("placement=\"b\""), "a series came back");
}
