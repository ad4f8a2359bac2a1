package cell

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

const (
	healthOK   = "ok"
	healthFail = "fail"
)

// Knobs is the state of a cell's failures. The zero value is a sound cell,
// but for Health, which is then shown as "".
type Knobs struct {
	Fail    int      `json:"fail"`    // percent of requests that get a 500, 0..100
	Latency Duration `json:"latency"` // before every answer
	Hang    bool     `json:"hang"`    // no answer until mended
	Refuse  bool     `json:"refuse"`  // the connection is reset
	Health  string   `json:"health"`  // "ok" or "fail"
}

// Duration is a time.Duration that JSON shows as text, such as "200ms".
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err == nil && v < 0 {
		err = errors.New("it is negative")
	}
	*d = Duration(v)
	return err
}

// knobs guards a cell's Knobs.
type knobs struct {
	mu      sync.Mutex
	now     Knobs
	owed    int           // percent points of failures not yet given out, below 100
	changed chan struct{} // closed at the next change
}

func newKnobs() knobs { return knobs{now: Knobs{Health: healthOK}, changed: make(chan struct{})} }

func (k *knobs) get() Knobs {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now
}

func (k *knobs) set(now Knobs) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.now, k.owed = now, 0
	close(k.changed)
	k.changed = make(chan struct{})
}

// next says whether the next request is one of those that fail. The share is
// exact and evenly spread, not drawn. changed is closed when a knob is turned.
func (k *knobs) next() (fails bool, changed <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.owed += k.now.Fail
	if fails = k.owed >= 100; fails {
		k.owed -= 100
	}
	return fails, k.changed
}

// fault answers /fault.
func (c *Cell) fault(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodDelete:
		c.knobs.set(Knobs{Health: healthOK})
	case http.MethodPost, http.MethodPut:
		now := c.knobs.get()
		if err := now.turn(r.URL.Query()); err != nil {
			writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
			return
		}
		c.knobs.set(now)
	default:
		w.Header().Set("Allow", "GET, POST, DELETE")
		writeJSON(w, http.StatusMethodNotAllowed, map[string]string{"error": "use GET, POST or DELETE"})
		return
	}
	writeJSON(w, http.StatusOK, c.knobs.get())
}

// turn sets the knobs that a query names.
func (k *Knobs) turn(query url.Values) error {
	if len(query) == 0 {
		return errors.New("no knob is named: say for example /fault?fail=100, latency=200ms, hang=true, refuse=true or health=fail")
	}
	for name := range query {
		if err := k.set(name, query.Get(name)); err != nil {
			return fmt.Errorf("%s=%q: %w", name, query.Get(name), err)
		}
	}
	return nil
}

func (k *Knobs) set(name, value string) (err error) {
	switch name {
	case "fail":
		if k.Fail, err = strconv.Atoi(value); err != nil || k.Fail < 0 || k.Fail > 100 {
			return errors.New("say how many percent of requests fail, 0 to 100")
		}
	case "latency":
		if k.Latency.UnmarshalText([]byte(value)) != nil {
			return errors.New("say a time with its unit, such as 200ms")
		}
	case "hang":
		if k.Hang, err = strconv.ParseBool(value); err != nil {
			return errors.New("say true or false")
		}
	case "refuse":
		if k.Refuse, err = strconv.ParseBool(value); err != nil {
			return errors.New("say true or false")
		}
	case "health":
		if value != healthOK && value != healthFail {
			return errors.New("say ok or fail")
		}
		k.Health = value
	default:
		return errors.New("there is no such knob: use fail, latency, hang, refuse or health")
	}
	return nil
}
