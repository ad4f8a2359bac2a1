// Package driver puts one core.Router into production: it owns the lock, the
// clock, the event loop and the queue of decisions that nobody waits for. It is
// the only reader of a clock on the way of a request.
//
// A request is three calls: Arrive says where to send it, Reply is sent only if
// its body flows for long, Finish says how it ended. One that waits, or may be
// tried again, hears its next decision from End, Ask and Await. Match runs before the lock
// on the configuration then in force; if another is in force under the lock,
// the loop matches again. The lock is held for one step, one clock read and one
// append to the recording, never for IO.
//
// What may not live here: HTTP, files, configuration formats, decisions.
package driver
