package http1

import "net/http"

// States of the informational responses before an answer. The request's body
// may be read by a goroutine other than the handler's, and its first read sends
// 100 Continue if the client waits for it; so the two must not cross.
const (
	contFree    uint32 = iota // nobody writes, no 100 is due
	contPending               // nobody writes, the client waits for 100
	contWriting               // one is being written
	contOver                  // the answer has begun
)

// enter takes the right to write an informational response; was is what it was
// before, to be given to exit, and ok is false when the answer has begun.
func (w *response) enter() (was uint32, ok bool) {
	for {
		switch was = w.cont.Load(); was {
		case contOver:
			return was, false
		case contWriting:
			if done := w.contDone.Load(); done != nil {
				<-*done
			}
		default:
			done := make(chan struct{})
			if w.cont.CompareAndSwap(was, contWriting) {
				w.contDone.Store(&done)
				return was, true
			}
		}
	}
}

func (w *response) exit(to uint32) {
	done := w.contDone.Swap(nil)
	w.cont.Store(to)
	close(*done)
}

// sendContinue sends 100 Continue if the client waits for it.
func (w *response) sendContinue() {
	if w.cont.Load() == contFree {
		return
	}
	was, ok := w.enter()
	if !ok {
		return
	}
	if was == contPending {
		_ = w.c.write([]byte("HTTP/1.1 100 Continue\r\n\r\n")) // its error comes back from the read
	}
	w.exit(contFree)
}

// endContinue returns when the answer has the connection to itself.
func (w *response) endContinue() {
	if w.cont.CompareAndSwap(contFree, contOver) {
		return
	}
	if _, ok := w.enter(); ok {
		w.exit(contOver)
	}
}

// inform sends an informational response at once. HTTP/1.0 has none.
func (w *response) inform(status int) {
	if w.minor == 0 {
		return
	}
	was, ok := w.enter()
	if !ok {
		return
	}
	b := appendStatus(make([]byte, 0, 256), w.minor, status)
	closes, sniff, length, trailers := w.closes, w.sniff, w.length, w.trailers
	b = w.appendHeader(b)
	w.closes, w.sniff, w.length, w.trailers = closes, sniff, length, trailers
	_ = w.c.write(append(b, "\r\n"...)) // its error comes back from the answer
	if status == http.StatusContinue {
		was = contFree
	}
	w.exit(was)
}
