package flightrec

import (
	"fmt"
	"io"
)

// Stream writes what memory holds, up to this moment, as a compressed trace: at
// most Options.Memory bytes of blocks and the configurations they name. It takes
// the driver's lock for a moment and then goes as fast as w does; what leaves
// memory meanwhile is a gap in the trace. Any number may run at once.
func (rec *Recorder) Stream(w io.Writer, why string) error {
	if rec.lock == nil {
		return fmt.Errorf("streaming the recording: %w", errNothing)
	}
	rec.lock.Lock()
	if !rec.closed {
		rec.cut()
	}
	until := rec.ring.end()
	rec.lock.Unlock()
	if err := rec.wait(until); err != nil {
		return fmt.Errorf("streaming the recording: %w", err)
	}
	if err := rec.writeMemory(w, why, until); err != nil {
		return fmt.Errorf("streaming the recording: %w", err)
	}
	return nil
}
