package httpproxy

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A WebSocket passes through as bytes. Its frames are only followed, so that at
// the end of a drain both sides can be told 1001, "going away", between two of
// them: RFC 6455 wants a close frame, and clients reconnect at once on it.

// goodbyeTime is how long the end of a drain waits for frames under way to end
// and for the close frames to arrive. It must be shorter than what a server
// waits after the drain's deadline.
const goodbyeTime = 500 * time.Millisecond

const (
	opcodeClose   = 8
	statusGoing   = 1001
	goodbyeReason = "the router is shutting down"
)

func isWebSocket(h http.Header) bool { return strings.EqualFold(h.Get("Upgrade"), "websocket") }

// frames follows one direction of a WebSocket.
type frames struct {
	head   int    // bytes of the frame's head that have passed, up to its length
	more   int    // bytes of its length still to come
	left   uint64 // bytes after that, mask included
	length uint64
	masked bool
	closes bool // the frame is a close frame
	closed bool // a close frame has passed: nothing may follow
	broken bool // this is no WebSocket
}

// between reports whether what has passed ends with a whole frame.
func (f *frames) between() bool { return f.head == 0 && !f.broken }

// feed follows p. With stop it ends behind the first whole frame, else at the
// end of p. It returns how many bytes it has followed.
func (f *frames) feed(p []byte, stop bool) (n int) {
	for n < len(p) && !f.broken {
		if f.head >= 2 && f.more == 0 { // the mask and the payload
			k := min(f.left, uint64(len(p)-n))
			f.left -= k
			n += int(k)
		} else {
			f.headByte(p[n])
			n++
		}
		if f.head >= 2 && f.more == 0 && f.left == 0 {
			f.closed = f.closed || f.closes
			f.head = 0
			if stop {
				return n
			}
		}
	}
	if f.broken {
		return len(p)
	}
	return n
}

// headByte follows one byte of a frame's head before the mask.
func (f *frames) headByte(b byte) {
	switch f.head {
	case 0:
		f.closes = b&0x0f == opcodeClose
	case 1:
		f.masked, f.length = b&0x80 != 0, uint64(b&0x7f)
		switch f.length {
		case 126:
			f.more, f.length = 2, 0
		case 127:
			f.more, f.length = 8, 0
		}
	default:
		f.length = f.length<<8 | uint64(b)
		f.more--
	}
	f.head++
	if f.head >= 2 && f.more == 0 {
		f.left = f.length
		f.broken = f.length > 1<<62
		if f.masked {
			f.left += 4
		}
	}
}

// errGoodbye ends a direction that cannot be told anything any more.
var errGoodbye = errors.New("the drain is over")

// courier writes one direction of a WebSocket.
type courier struct {
	to     io.Writer
	masked bool // it goes to the upstream, and whoever plays the client masks

	turn    chan struct{} // holds one token: who has it may write, and read what follows
	frames  frames
	leaving bool // say goodbye at the end of this frame
	gone    bool // goodbye has been said; what still comes is not passed on
}

func newCourier(to io.Writer, masked bool) *courier {
	c := &courier{to: to, masked: masked, turn: make(chan struct{}, 1)}
	c.turn <- struct{}{}
	return c
}

// Write implements io.Writer.
func (c *courier) Write(p []byte) (int, error) {
	<-c.turn
	defer func() { c.turn <- struct{}{} }()
	switch {
	case c.gone:
		return len(p), nil
	case c.leaving:
		n := c.frames.feed(p, true)
		if _, err := c.to.Write(p[:n]); err != nil {
			return 0, err
		}
		if c.frames.between() {
			return len(p), c.goodbye()
		}
		return len(p), nil
	}
	n, err := c.to.Write(p)
	c.frames.feed(p[:n], false)
	return n, err
}

// CloseWrite passes the end of this direction on.
func (c *courier) CloseWrite() error {
	if half, ok := c.to.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// leave says goodbye between two frames: now, or when the one under way has
// ended. Nothing is done when a write does not end until then.
func (c *courier) leave(until <-chan time.Time) {
	select {
	case <-c.turn:
	case <-until:
		return
	}
	defer func() { c.turn <- struct{}{} }()
	c.leaving = true
	if c.frames.between() {
		_ = c.goodbye() // an error means that nobody is there
	}
}

// goodbye writes the close frame and ends the direction.
func (c *courier) goodbye() error {
	c.gone = true
	if c.frames.closed {
		return nil
	}
	if _, err := c.to.Write(closeFrame(statusGoing, goodbyeReason, c.masked)); err != nil {
		return errGoodbye
	}
	_ = c.CloseWrite() // where there is no half close, the end of both comes soon
	return nil
}

// closeFrame is a close frame with a status and a reason of at most 123 bytes.
func closeFrame(status uint16, reason string, masked bool) []byte {
	payload := append(binary.BigEndian.AppendUint16(nil, status), reason...)
	frame := []byte{0x80 | opcodeClose, byte(len(payload))}
	if !masked {
		return append(frame, payload...)
	}
	var mask [4]byte
	rand.Read(mask[:]) // never fails
	frame[1] |= 0x80
	frame = append(frame, mask[:]...)
	for i, b := range payload {
		frame = append(frame, b^mask[i%4])
	}
	return frame
}

// farewell tells both sides of a WebSocket that the drain is over, gives them a
// moment, and tears the connection down. ended is closed when both directions
// have come to their end by themselves.
func farewell(client, upstream *courier, ended <-chan struct{}, tear func()) {
	defer tear()
	until := time.Now().Add(goodbyeTime)
	var both sync.WaitGroup
	for _, c := range []*courier{client, upstream} {
		both.Go(func() {
			late := time.NewTimer(time.Until(until))
			defer late.Stop()
			c.leave(late.C)
		})
	}
	both.Wait()
	late := time.NewTimer(time.Until(until))
	defer late.Stop()
	select {
	case <-ended:
	case <-late.C:
	}
}
