package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"lockstep/core"
	"lockstep/sim/conform"
)

// The reference shim: this program's own core behind the protocol, which the test
// binary becomes when asked to. As anything but "honest" it has a fault.

const shimVariable = "LOCKSTEP_TEST_SHIM"

// serveShim answers questions until its input ends, and returns the exit code.
func serveShim(as string, in io.Reader, out io.Writer) int {
	w, r := bufio.NewWriter(out), bufio.NewReader(in)
	switch hello := greetings()[as]; {
	case hello == "":
		fmt.Fprintln(w, `{"shim":1,"spec":1,"name":"reference","forms":["binary","ndjson"]}`)
	case hello == "nothing":
		time.Sleep(time.Hour) // it is killed
	default:
		fmt.Fprintln(w, hello)
	}
	w.Flush()
	for n := 0; ; n++ {
		var head [4]byte
		if _, err := io.ReadFull(r, head[:]); errors.Is(err, io.EOF) {
			return map[string]int{"unruly": 7}[as]
		}
		question := make([]byte, binary.LittleEndian.Uint32(head[:]))
		if _, err := io.ReadFull(r, question); err != nil {
			return 1
		}
		if misbehave(as, n, question, w) {
			return 3
		}
		if text := len(question) > 0 && question[0] == '{'; as == "only ndjson" && !text || as == "only binary" && text {
			return 4 // it said what it reads
		}
		kind := byte(0)
		answer, err := conform.Complete(question, planted()[as])
		if err != nil {
			kind, answer = 1, []byte(err.Error())
		}
		w.WriteByte(kind)
		w.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(answer))))
		w.Write(answer)
		w.Flush()
	}
}

func greetings() map[string]string {
	return map[string]string{
		"newer protocol": `{"shim":2,"spec":1,"name":"x","forms":["binary"]}`,
		"other rules":    `{"shim":1,"spec":7,"name":"x","forms":["binary"]}`,
		"no form":        `{"shim":1,"spec":1,"name":"x","forms":["xml"]}`,
		"no greeting":    `Usage: shim FILE`,
		"long greeting":  strings.Repeat("x", 100_000),
		"only ndjson":    `{"shim":1,"spec":1,"name":"text only","forms":["ndjson"]}`,
		"only binary":    `{"shim":1,"spec":1,"name":"bytes only","forms":["binary"]}`,
	}
}

// misbehave does what no shim may, and reports whether the shim is to end.
func misbehave(as string, n int, question []byte, w *bufio.Writer) bool {
	switch as {
	case "dies":
		if n == 250 {
			fmt.Fprintln(os.Stderr, "thread 'main' panicked at src/arrive.rs:7")
			return true
		}
	case "dies of a drain":
		// What a port that overflows would do: some input kills it, again and again.
		answer, err := conform.Complete(question, conform.Tamper{})
		if err == nil && strings.Contains(view(answer), `"event":"drain"`) {
			fmt.Fprintln(os.Stderr, "attempt to subtract with overflow")
			return true
		}
	case "hangs with a child":
		if n == 20 {
			child := exec.Command("sleep", "15")
			child.Stderr, child.Stdout = os.Stderr, os.Stdout
			if child.Start() != nil {
				return true
			}
			time.Sleep(time.Hour)
		}
	case "hangs":
		if n == 20 {
			time.Sleep(time.Hour) // it is killed
		}
	case "garbage":
		if n == 20 {
			fmt.Fprint(w, "debug: here I am\n")
		}
	case "endless":
		if n == 20 {
			w.Write([]byte{0, 255, 255, 255, 255})
		}
	case "short":
		if n == 20 {
			w.Write([]byte{0, 100, 0, 0, 0, 1, 2, 3})
			w.Flush()
			return true
		}
	case "chatty":
		if n == 20 {
			w.Write([]byte{1, 2, 0, 0, 0, 'n', 'o'})
		}
	}
	return false
}

func view(answer []byte) string {
	q := conform.Question{Inputs: answer, Answer: answer}
	if q.Print() != nil {
		return ""
	}
	return string(q.Inputs)
}

// planted are one-line differences: in what is decided, in the order of decisions,
// in the state, and in which configurations are taken.
func planted() map[string]conform.Tamper {
	return map[string]conform.Tamper{
		"status of a queue timeout": {Step: eachDecision(func(d *core.Decision) {
			if d.Class == core.QueueTimeout {
				d.Status = 504
			}
		})},
		"breaker opens too long": {Step: eachDecision(func(d *core.Decision) {
			if d.Kind == core.NoteOpened {
				d.Until++
			}
		})},
		"a retry's number": {Step: eachDecision(func(d *core.Decision) {
			if d.Kind == core.Retry && d.Count == 3 {
				d.Count = 2
			}
		})},
		"guests are told late": {Step: func(_ *core.Router, _ *core.Event, out []core.Decision) []core.Decision {
			if n := len(out); n > 2 && out[n-2].Kind == core.Forward {
				out[n-2], out[n-1] = out[n-1], out[n-2]
			}
			return out
		}},
		"a decision is lost": {Step: func(_ *core.Router, _ *core.Event, out []core.Decision) []core.Decision {
			if n := len(out); n > 0 && out[n-1].Kind == core.NoteRetired {
				return out[:n-1]
			}
			return out
		}},
		"digest with two in flight": {Digest: func(r *core.Router, digest uint64) uint64 {
			if r.InFlight() == 2 {
				return digest ^ 1
			}
			return digest
		}},
		"snapshot of a waiting request": {Snapshot: func(r *core.Router) {
			if r.Waiting() > 0 {
				r.Step(r.Now(), &core.Event{Kind: core.Finish, Handle: waiting(r)}, nil)
			}
		}},
		"guards are refused": {Compile: func(c *core.Config) error {
			if c.Guards().KeysRemoved == 99 {
				return errors.New("99 % guards nothing")
			}
			return nil
		}},
	}
}

func eachDecision(change func(*core.Decision)) func(*core.Router, *core.Event, []core.Decision) []core.Decision {
	return func(_ *core.Router, _ *core.Event, out []core.Decision) []core.Decision {
		for i := range out {
			change(&out[i])
		}
		return out
	}
}

// waiting is a request that waits.
func waiting(r *core.Router) core.Handle {
	for slot := range uint32(100_000) {
		for gen := range uint32(100_000) {
			if j, ok := r.Journey(core.Handle{Slot: slot, Gen: gen}); ok && j.Waiting {
				return j.Handle
			}
		}
	}
	return core.Handle{}
}
