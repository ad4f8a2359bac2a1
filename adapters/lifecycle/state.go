package lifecycle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"lockstep/adapters/driver"
	"lockstep/core"
	"lockstep/traces"
)

// State is what a router has learnt, as one process hands it to the next.
type State struct {
	Router *core.Router // after Succeed
	Origin time.Time    // wall time of its core.Time 0
}

// TakeState writes down the state of a running router: its snapshot with the
// configuration that it names, in the format of recordings. It holds the lock
// for one snapshot. Before the first configuration there is nothing to write.
func TakeState(d *driver.Driver) []byte {
	var snapshot []byte
	var config *core.Config
	d.View(func(r *core.Router) { snapshot, config = r.Snapshot(nil), r.Config() })
	if config == nil {
		return nil
	}
	file := traces.AppendConfig(traces.AppendFile(nil, traces.Header{Origin: d.Origin().UnixNano()}), config)
	out := binary.AppendUvarint(nil, uint64(len(file)))
	return append(append(out, file...), snapshot...)
}

// ReadState reads what TakeState wrote, perhaps in another version of this
// program. nil without an error means that there was nothing.
func ReadState(b []byte) (*State, error) {
	if len(b) == 0 {
		return nil, nil
	}
	n, head := binary.Uvarint(b)
	if head <= 0 || n > uint64(len(b)-head) {
		return nil, errors.New("reading a predecessor's state: it is cut off")
	}
	file, snapshot := b[head:head+int(n)], b[head+int(n):]
	r, err := traces.NewReader(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("reading a predecessor's state: %w", err)
	}
	for {
		if _, err = r.Next(); err != nil {
			break
		}
	}
	if !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading a predecessor's state: %w", err)
	}
	digest, _, err := core.SnapshotConfig(snapshot)
	if err != nil {
		return nil, fmt.Errorf("reading a predecessor's state: %w", err)
	}
	router, err := core.Restore(snapshot, r.Config(digest), false)
	if err != nil {
		return nil, fmt.Errorf("reading a predecessor's state: %w", err)
	}
	router.Succeed()
	return &State{Router: router, Origin: time.Unix(0, r.Header().Origin)}, nil
}
