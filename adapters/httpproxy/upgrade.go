package httpproxy

import (
	"io"
	"net/http"
	"sync"

	"lockstep/core"
)

// join hands the client's connection over to the upstream's after a 101, and
// returns when both directions are done. whole is true unless the client's
// connection could not be had.
func join(w http.ResponseWriter, res *http.Response, t *tunnel) (whole bool) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil { // HTTP/2, or a wrapper that hides it
		t.finish(core.Internal)
		http.Error(w, "internal: this connection cannot be upgraded", http.StatusInternalServerError)
		return true
	}
	tear := func() {
		conn.Close()
		t.stream.Close()
	}
	defer tear()
	if !isWebSocket(res.Header) {
		t.onSever(tear)
	}

	for k, v := range w.Header() { // what a wrapper has set
		if _, ours := res.Header[k]; !ours {
			res.Header[k] = v
		}
	}
	head := http.Response{StatusCode: res.StatusCode, ProtoMajor: 1, ProtoMinor: 1, Header: res.Header}
	if head.Write(buffered) != nil || buffered.Flush() != nil {
		return false
	}
	toClient, toUpstream, ended := io.Writer(conn), io.Writer(t), make(chan struct{})
	if isWebSocket(res.Header) {
		client, upstream := newCourier(conn, false), newCourier(t, true)
		toClient, toUpstream = client, upstream
		t.onSever(func() {
			if core.Class(t.cut.Load()) != core.Draining {
				tear()
				return
			}
			go farewell(client, upstream, ended, tear)
		})
	}
	var both sync.WaitGroup
	both.Go(func() { pump(toUpstream, buffered.Reader, tear) }) // the reader may hold bytes that came early
	both.Go(func() { pump(toClient, t, tear) })
	both.Wait()
	close(ended)
	return true
}

// pump copies one direction to its end and passes that end on. Where it
// cannot, both directions are torn down.
func pump(to io.Writer, from io.Reader, tear func()) {
	_, err := io.Copy(to, from)
	half, ok := to.(interface{ CloseWrite() error })
	if err != nil || !ok || half.CloseWrite() != nil {
		tear()
	}
}
