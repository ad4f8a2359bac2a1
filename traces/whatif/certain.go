package whatif

import "lockstep/core"

// doubt follows how far alt's state may differ from what the new configuration
// would really have led to.
type doubt struct {
	e    *engine
	lost bool
}

func newDoubt(e *engine) doubt { return doubt{e: e} }

func (d *doubt) adopted() {}
func (d *doubt) pushed()  {}

func (d *doubt) judge(*core.Event, *request) (Label, string) {
	if d.lost {
		return Modelled, "requests before it went another way"
	}
	return Recorded, ""
}
func (d *doubt) decided(*core.Event, *request)                   {}
func (d *doubt) turn(*request, *core.Decision)                   {}
func (d *doubt) forwarded(q *request, _ *core.Decision)          { d.lost = d.lost || !q.same }
func (d *doubt) missed(*request)                                 {}
func (d *doubt) outcome(*request, core.Class, uint16, core.Time) {}
func (d *doubt) beyond(*request, *core.Decision) bool            { return false }
func (d *doubt) probed(int32, bool, Label)                       {}
func (e *engine) comesAgain(pending)                             {}
func (e *engine) triesAgain(*request)                            {}
