//! After `reserve` a step allocates nothing, whatever comes (PERFORMANCE: no allocation on the
//! path of a request). A counting allocator watches; it counts for the thread that asks.
#![allow(unsafe_code)] // an allocator is unsafe by its trait

mod common;

use common::{adopt, adopted, reference};
use lockstep_core::{
    AdaptiveSpec, BreakerSpec, Class, Config, Decision, DecisionKind, Event, EventKind, Fault, Handle, LimitSpec,
    MILLISECOND, Options, QueueOrder, RetryMethods, RetrySpec, Router, SECOND, Spec, Time, WhenFull,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    let _ = COUNT.try_with(|c| c.set(c.get() + 1));
}

// SAFETY: everything is the system allocator's; only a number of this thread is counted up.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        // SAFETY: as before.
        unsafe { System.dealloc(p, layout) }
    }

    unsafe fn realloc(&self, p: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as before.
        unsafe { System.realloc(p, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Returns how often `f` allocates.
fn allocations(f: impl FnOnce()) -> u64 {
    let before = COUNT.get();
    f();
    COUNT.get() - before
}

/// A router, the time, and room for decisions.
struct World {
    r: Router,
    now: Time,
    out: Vec<Decision>,
    arrive: Event,
}

impl World {
    fn new(c: &Arc<Config>, more: Option<&Config>) -> World {
        let mut r = adopted(c, Options { seed: 1, strict: true });
        r.reserve(more, 1024);
        let route = c.match_key("tenant-0000003").0;
        let arrive = Event { kind: EventKind::ARRIVE, epoch: r.epoch(), route, ..Event::default() };
        World { r, now: 0, out: Vec::with_capacity(1024), arrive }
    }

    fn step(&mut self, mut ev: Event) -> Decision {
        self.out.clear();
        self.r.step(self.now, &mut ev, &mut self.out);
        self.out.last().copied().unwrap_or_default()
    }

    fn forward(&mut self) -> Handle {
        self.now += MILLISECOND;
        self.arrive.request += 1;
        self.out.clear();
        self.r.step(self.now, &mut self.arrive, &mut self.out);
        self.out.last().copied().unwrap_or_default().handle
    }

    fn finish(&mut self, handle: Handle, class: Class, status: u16) -> Decision {
        self.step(Event { kind: EventKind::FINISH, handle, class, status, ..Event::default() })
    }
}

fn compile(s: &Spec) -> Arc<Config> {
    Config::compile(s).unwrap_or_else(|e| panic!("{e}"))
}

/// The reference with fewer placements: endpoints leave and come back.
fn smaller() -> Spec {
    let mut s = reference(100);
    s.version = "other".into();
    s.placements.truncate(12);
    s.placements.iter_mut().for_each(|p| p.fallback.clear());
    s.keys.truncate(12);
    s
}

/// What one step of each kind does.
type Kind = (&'static str, fn(&mut World, &Arc<Config>, &Arc<Config>));

const KINDS: &[Kind] = &[
    ("arrive and finish well", |w, _, _| {
        let h = w.forward();
        w.finish(h, Class::NONE, 200);
    }),
    ("arrive and finish badly, breakers moving", |w, _, _| {
        let h = w.forward();
        w.finish(h, Class::CONNECT_REFUSED, 0);
    }),
    ("reply", |w, _, _| {
        let handle = w.forward();
        w.step(Event { kind: EventKind::REPLY, handle, status: 200, ..Event::default() });
        w.finish(handle, Class::NONE, 200);
    }),
    ("tick, with probes and their guards", |w, _, _| {
        w.now += 10 * SECOND;
        w.step(Event { kind: EventKind::TICK, ..Event::default() });
    }),
    ("probed", |w, _, _| {
        w.now += 10 * SECOND;
        w.step(Event { kind: EventKind::TICK, ..Event::default() });
        if let Some(d) = w.out.iter().find(|d| d.kind == DecisionKind::PROBE).copied() {
            let ok = w.now % (20 * SECOND) == 0;
            w.step(Event { kind: EventKind::PROBED, endpoint: d.endpoint, token: d.token, ok, ..Event::default() });
        }
    }),
    ("adopt, endpoints leaving and coming back", |w, a, b| {
        let next = if w.r.config().is_some_and(|c| Arc::ptr_eq(c, a)) { b } else { a };
        w.step(adopt(next));
        w.arrive.epoch = w.r.epoch();
    }),
    ("an adopt that is refused", |w, _, _| {
        w.step(Event { kind: EventKind::ADOPT, fault: Fault::INVALID, ..Event::default() });
    }),
    ("control", |w, _, _| {
        w.step(Event { kind: EventKind::CONTROL, ..Event::default() });
    }),
    ("an unknown handle", |w, _, _| {
        w.finish(Handle::default(), Class::NONE, 200);
    }),
    ("an unknown kind", |w, _, _| {
        w.step(Event { kind: EventKind(200), ..Event::default() });
    }),
    ("digest", |w, _, _| {
        w.forward();
        w.r.digest();
    }),
    ("drain with attempts left", |w, _, _| {
        w.step(Event { kind: EventKind::DRAIN, deadline: w.now, ..Event::default() });
        w.now += 1;
        w.step(Event { kind: EventKind::TICK, ..Event::default() });
    }),
];

#[test]
fn no_kind_of_event_allocates() {
    let (a, b) = (compile(&reference(100)), compile(&smaller()));
    for (name, step) in KINDS {
        let mut w = World::new(&a, Some(&b));
        step(&mut w, &a, &b);
        step(&mut w, &a, &b);
        let n = allocations(|| (0..200).for_each(|_| step(&mut w, &a, &b)));
        assert_eq!(n, 0, "{name}");
        assert_eq!(w.r.counters().bugs, 0, "{name}");
    }
}

#[test]
fn sharing_out_room_allocates_nothing() {
    let mut spec = reference(100);
    for p in &mut spec.placements {
        p.panic = 50;
        p.limit.tenant_share = 50;
        p.limit.priorities = [100, 50, 0, 0, 0, 0, 0, 0];
        p.limit.adaptive = AdaptiveSpec { min: 2, max: 1000, ..AdaptiveSpec::default() };
        p.endpoints.iter_mut().for_each(|e| e.limit = 500);
    }
    let mut w = World::new(&compile(&spec), None);
    let mut request = || {
        w.now += 20 * MILLISECOND;
        w.arrive.priority = w.arrive.priority.wrapping_add(1);
        let h = w.forward();
        w.finish(h, Class::NONE, 200);
        w.r.digest();
    };
    (0..200).for_each(|_| request());
    assert_eq!(allocations(|| (0..500).for_each(|_| request())), 0);
}

/// The reference with a queue and retries at every placement.
fn waiting() -> Spec {
    let mut spec = reference(100);
    for (i, p) in spec.placements.iter_mut().enumerate() {
        let order = QueueOrder((i % 2) as u8);
        let queue = LimitSpec { when_full: WhenFull::QUEUE, queue: 8, wait: SECOND, order, ..LimitSpec::default() };
        p.limit = LimitSpec { in_flight: 1, ..queue };
        p.retries = RetrySpec { max: 2, no_budget: i % 2 == 0, methods: RetryMethods::ANY, ..RetrySpec::default() };
        p.breaker = BreakerSpec { off: true, ..BreakerSpec::default() };
    }
    spec
}

/// Takes requests through queue and back-off, all at one placement.
#[test]
fn requests_that_wait_allocate_nothing() {
    for key in ["tenant-0000003", "tenant-0000004"] {
        let c = compile(&waiting());
        let mut w = World::new(&c, None);
        (w.arrive.route, w.now) = (c.match_key(key).0, SECOND);
        let (mut seen, mut live) = ([0; 26], Vec::with_capacity(16));
        let mut round = || {
            let mut learn = |w: &World, live: &mut Vec<Handle>| {
                for d in &w.out {
                    seen[usize::from(d.kind.0)] += 1;
                    if d.kind == DecisionKind::FORWARD {
                        live.push(d.handle);
                    }
                }
            };
            w.now += SECOND;
            for _ in 0..3 {
                w.forward(); // one is forwarded, two wait
                learn(&w, &mut live);
            }
            // Its retry joins the queue.
            let refused = Event { kind: EventKind::FINISH, class: Class::CONNECT_REFUSED, ..Event::default() };
            w.step(Event { handle: live.remove(0), replayable: true, ..refused });
            learn(&w, &mut live);
            while !live.is_empty() {
                w.now += 50 * MILLISECOND;
                w.step(Event { kind: EventKind::TICK, ..Event::default() });
                learn(&w, &mut live);
                w.finish(live.remove(0), Class::NONE, 200);
                learn(&w, &mut live);
            }
            w.r.digest();
        };
        round();
        let n = allocations(|| (0..200).for_each(|_| round()));
        assert_eq!(n, 0, "{key}");
        for kind in [DecisionKind::QUEUED, DecisionKind::RETRY, DecisionKind::FORWARD] {
            assert!(seen[usize::from(kind.0)] > 0, "{key}: no {kind}: this test shows nothing of it");
        }
        assert_eq!(seen[usize::from(DecisionKind::NOTE_IGNORED.0)] + seen[usize::from(DecisionKind::NOTE_BUG.0)], 0);
        assert_eq!((w.r.in_flight(), w.r.waiting()), (0, 0), "{key}");
    }
}

#[test]
fn matching_allocates_nothing() {
    let c = compile(&reference(1000));
    assert_eq!(allocations(|| assert!(c.match_via(0, "tenant-0000007", 7).1 && c.match_key("nobody").1)), 0);
}

/// Shows that the allocator counts.
#[test]
fn an_allocation_is_counted() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
}
