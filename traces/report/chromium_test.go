package report

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// browser is a headless Chromium that is spoken to in the DevTools protocol, over
// pipes: messages of JSON that end with a zero byte.
type browser struct {
	t       testing.TB
	in      io.Writer
	lock    sync.Mutex
	waiting map[int]chan json.RawMessage
	last    int
	session string
	errors  []string // what the page complained of
	loads   []string // what it asked to load
}

// newBrowser starts one with a page of the given size. Without Chromium the test is skipped.
func newBrowser(t testing.TB, width, height int) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("NOT TRIED: the page in a browser, for there is no chromium here (Debian package chromium)")
	}
	out, ours, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	answers, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	cmd := exec.CommandContext(ctx, path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--remote-debugging-pipe", "--user-data-dir="+t.TempDir(), fmt.Sprintf("--window-size=%d,%d", width, height), "about:blank")
	cmd.ExtraFiles = []*os.File{out, theirs}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out.Close()
	theirs.Close()
	b := &browser{t: t, in: ours, waiting: map[int]chan json.RawMessage{}}
	read := make(chan struct{})
	go func() { defer close(read); b.read(answers) }()
	t.Cleanup(func() {
		b.send("Browser.close", nil)
		ours.Close()
		<-read
		cancel()
		_ = cmd.Wait() // it was told to end
		answers.Close()
	})
	var target struct {
		TargetID string `json:"targetId"`
	}
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct {
		SessionID string `json:"sessionId"`
	}
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.lock.Lock()
	b.session = attached.SessionID
	b.lock.Unlock()
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.call(domain+".enable", nil, nil)
	}
	b.size(width, height)
	return b
}

// read hands answers to who waits and keeps complaints, until the pipe ends.
func (b *browser) read(from io.Reader) {
	in := bufio.NewReaderSize(from, 1<<20)
	for {
		raw, err := in.ReadBytes(0)
		if err != nil {
			b.lock.Lock()
			for id, c := range b.waiting {
				close(c)
				delete(b.waiting, id)
			}
			b.waiting = nil
			b.lock.Unlock()
			return
		}
		var m struct {
			ID     int             `json:"id"`
			Method string          `json:"method"`
			Result json.RawMessage `json:"result"`
			Params json.RawMessage `json:"params"`
			Error  json.RawMessage `json:"error"`
		}
		if json.Unmarshal(raw[:len(raw)-1], &m) != nil {
			continue
		}
		b.lock.Lock()
		switch {
		case m.ID != 0:
			if c := b.waiting[m.ID]; c != nil {
				if m.Error != nil {
					m.Result = m.Error
				}
				c <- m.Result
				delete(b.waiting, m.ID)
			}
		case m.Method == "Runtime.exceptionThrown", m.Method == "Log.entryAdded", m.Method == "Runtime.consoleAPICalled":
			if text := string(m.Params); !strings.Contains(text, "willReadFrequently") { // the tests read what was drawn
				b.errors = append(b.errors, text)
			}
		case m.Method == "Network.requestWillBeSent":
			b.loads = append(b.loads, string(m.Params))
		}
		b.lock.Unlock()
	}
}

func (b *browser) send(method string, params any) chan json.RawMessage {
	b.lock.Lock()
	defer b.lock.Unlock()
	answer := make(chan json.RawMessage, 1)
	if b.waiting == nil {
		close(answer)
		return answer
	}
	b.last++
	m := map[string]any{"id": b.last, "method": method}
	if params != nil {
		m["params"] = params
	}
	if b.session != "" && method != "Browser.close" {
		m["sessionId"] = b.session
	}
	raw, err := json.Marshal(m)
	if err != nil {
		close(answer)
		return answer
	}
	b.waiting[b.last] = answer
	if _, err := b.in.Write(append(raw, 0)); err != nil {
		delete(b.waiting, b.last)
		close(answer)
	}
	return answer
}

// call sends a command and waits for what it answers.
func (b *browser) call(method string, params, result any) {
	b.t.Helper()
	raw, ok := <-b.send(method, params)
	if !ok {
		b.t.Fatalf("%s: the browser is gone", method)
	}
	if result != nil {
		if err := json.Unmarshal(raw, result); err != nil {
			b.t.Fatalf("%s answered %s: %v", method, raw, err)
		}
	}
}

func (b *browser) size(width, height int) {
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}, nil)
}

// eval evaluates an expression, which may be a promise, and decodes its value.
func (b *browser) eval(expression string, value any) {
	b.t.Helper()
	var answer struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
		ExceptionDetails json.RawMessage `json:"exceptionDetails"`
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &answer)
	if answer.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, answer.ExceptionDetails)
	}
	if value == nil {
		return
	}
	if err := json.Unmarshal(answer.Result.Value, value); err != nil {
		b.t.Fatalf("%s gave %s: %v", expression, answer.Result.Value, err)
	}
}

// open opens a file and waits until it has drawn itself; it returns how many
// milliseconds that took from the navigation on.
func (b *browser) open(path string) (ready float64) {
	b.t.Helper()
	b.call("Page.navigate", map[string]any{"url": "file://" + path}, nil)
	b.eval(`new Promise((done, fail) => {
		const end = performance.now() + 60000;
		const look = () => window.lockstepReady && document.readyState === 'complete' ? done(window.lockstepReady)
			: performance.now() > end ? fail(new Error('the page never became ready: ' + document.body.innerText.slice(0, 300))) : setTimeout(look, 5);
		look();
	})`, &ready)
	return ready
}

// press presses one key where the focus is.
func (b *browser) press(key string) {
	b.t.Helper()
	event := map[string]any{"type": "keyDown", "key": key}
	if len(key) == 1 {
		event["text"] = key
	}
	if key == "Enter" {
		event["text"], event["windowsVirtualKeyCode"] = "\r", 13
	}
	if key == "Tab" {
		event["windowsVirtualKeyCode"] = 9
	}
	b.call("Input.dispatchKeyEvent", event, nil)
	b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key}, nil)
	b.settle()
}

// click clicks at a place of the window.
func (b *browser) click(x, y float64) {
	b.t.Helper()
	for _, kind := range []string{"mouseMoved", "mousePressed", "mouseReleased"} {
		b.call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}, nil)
	}
	b.settle()
}

// settle waits until what was asked for has been drawn.
func (b *browser) settle() {
	b.t.Helper()
	b.eval(`new Promise((done) => {
		const look = () => requestAnimationFrame(() => busy ? look() : requestAnimationFrame(() => busy ? look() : done(true)));
		setTimeout(look);
	})`, nil)
}

// complaints returns what the page reported so far.
func (b *browser) complaints() []string {
	b.lock.Lock()
	defer b.lock.Unlock()
	return append([]string(nil), b.errors...)
}
