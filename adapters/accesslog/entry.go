package accesslog

import "lockstep/core"

// unknown is a number that a line does not tell.
const unknown = -1

// Entry is one logged request, whatever wrote the line. What a line does not
// tell is "" or unknown. Its strings share the memory of the line.
type Entry struct {
	File int // which of the files, from 0
	Line int // in its file, from 1

	// Arrival is when the request came, in ns since 1970 UTC, and Took how long it
	// lasted, in ns, or unknown. Logs that tell the end give Arrival as end minus
	// Took. Resolution is the step of the log's clock in ns.
	Arrival, Took, Resolution int64

	ID       string // request id as logged
	Method   string
	Host     string // with the port, if it was logged
	URI      string // path and query as the client sent them
	Key      string // routing key, where the line tells the key itself
	Route    string // name of the route, where the line tells it
	Headers  []Field
	Received int64 // bytes of body from the client, or unknown
	Sent     int64 // bytes to the client, or unknown
	Status   uint16

	// Told says that the format has a place for the upstream, and so that no
	// attempt means that none was made.
	Told     bool
	Attempts []Attempt
	// Class is how it ended (R16): ClassNone for an answer of an upstream or of the
	// other router itself, whose Status then says which.
	Class core.Class

	// Server, where it is not "", makes this no request: the other router says that
	// the server of that name came up, or went down.
	Server string
	Up     bool

	line  string // what the strings share
	one   [2]Attempt
	lists lists
	end   int64 // of the request, 0 where the start was logged
	flags string
}

// Field is a request header, a cookie or a query parameter that was logged by itself.
type Field struct{ Name, Value string }

// Attempt is one try at one upstream.
type Attempt struct {
	// Upstream is its address, or backend/server of HAProxy. Group is what the
	// other router calls the set of servers, "" where that is not logged.
	Upstream, Group string
	Status          uint16 // 0 where there was none
	Took            int64  // ns, or unknown
	Class           core.Class
}

// lists is what nginx logs of several attempts, before they are put together.
type lists struct{ addr, status, response, header, connect string }

// reset makes e ready for the next line; its slices keep their room.
func (e *Entry) reset() {
	*e = Entry{
		Took: unknown, Resolution: 1, Received: unknown, Sent: unknown,
		Headers: e.Headers[:0], Attempts: e.Attempts[:0],
	}
}

// Final returns the last attempt, nil for none.
func (e *Entry) Final() *Attempt {
	if len(e.Attempts) == 0 {
		return nil
	}
	return &e.Attempts[len(e.Attempts)-1]
}
