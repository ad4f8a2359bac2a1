//! Recording a fact allocates nothing while its block has room (PERFORMANCE: no allocation on the path of
//! a request). A counting allocator watches; it counts for the thread that asks.
#![allow(unsafe_code)] // an allocator is unsafe by its trait

#[path = "common/world.rs"]
mod world;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};

use lockstep_core::{Class, Decision, Event, Router, SECOND};
use lockstep_trace::{Encoder, Request};
use world::{World, config};

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

fn allocations(f: impl FnOnce()) -> u64 {
    let before = COUNT.get();
    f();
    COUNT.get() - before
}

#[test]
fn recording_allocates_nothing_from_the_second_block_on_if_buffers_come_back() {
    let (enc, recording) = (RefCell::new(Encoder::new()), Cell::new(0));
    let mut w = World::new(3, |r: &mut Router, ev: &Event, req: Option<Request<'_>>, out: &[Decision]| {
        let spent = allocations(|| enc.borrow_mut().append(r.now(), ev, req, out));
        recording.set(recording.get() + spent);
    });
    enc.borrow_mut().begin(Vec::new(), &mut w.router, 1);
    w.adopt(&config(1));
    let (mut blocks, mut facts) = (0, 0);
    while blocks < 5 {
        for key in [&b"visa"[..], b"<&>", b"nobody", b"a\"\x01\xff\\\xc3\xa9"] {
            w.now += SECOND / 100;
            w.arrive(key, 10);
            w.finish(if facts % 50 == 0 { Class::CONNECT_REFUSED } else { Class::NONE });
            facts += 2;
        }
        let mut enc = enc.borrow_mut();
        if enc.full() {
            blocks += 1;
            let buf = enc.end().into_buffer();
            let step = enc.step();
            let begun = allocations(|| enc.begin(buf, &mut w.router, step));
            assert!(blocks < 2 || begun == 0, "block {blocks} began with {begun} allocations");
        }
    }
    assert_eq!(recording.get(), 0, "allocations over {facts} facts");
    assert!(facts > 10_000, "{facts} facts");
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Vec::<u8>::with_capacity(9)))), 1);
}
