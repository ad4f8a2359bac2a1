package traces

import "lockstep/core"

// The JSON of retries and of a limit's queue; spec.go says how.

type retriesJSON struct {
	Max        uint32        `json:"max,omitempty"`
	On         core.RetryOn  `json:"on,omitempty"` // the bits of core.RetryOn
	Methods    string        `json:"methods,omitempty"`
	BackOff    core.Duration `json:"backoff,omitempty"`
	BackOffMax core.Duration `json:"backoff_max,omitempty"`
	RetryAfter core.Duration `json:"retry_after_max,omitempty"`
	Percent    uint32        `json:"percent,omitempty"`
	Floor      uint32        `json:"floor,omitempty"`
	NoBudget   bool          `json:"no_budget,omitempty"`
	BodyMax    int64         `json:"body_max,omitempty"`
}

func retriesOf(s *core.RetrySpec) retriesJSON {
	return retriesJSON{
		s.Max, s.On, enumRetryMethods.print(uint64(s.Methods)), s.BackOff, s.BackOffMax, s.RetryAfter,
		s.Percent, s.Floor, s.NoBudget, s.BodyMax,
	}
}

// spec returns the settings but for Methods, which has a name to look up.
func (j *retriesJSON) spec() core.RetrySpec {
	return core.RetrySpec{
		Max: j.Max, On: j.On, BackOff: j.BackOff, BackOffMax: j.BackOffMax, RetryAfter: j.RetryAfter,
		Percent: j.Percent, Floor: j.Floor, NoBudget: j.NoBudget, BodyMax: j.BodyMax,
	}
}

// retriesWithoutDefaults leaves what is the default at zero.
func retriesWithoutDefaults(s core.RetrySpec) core.RetrySpec {
	unless(&s.On, core.OnConnect|core.OnReset|core.OnGateway)
	unless(&s.BackOffMax, 10*s.BackOff)
	unless(&s.BackOff, 25*core.Millisecond)
	unless(&s.RetryAfter, core.Second)
	unless(&s.Percent, 20)
	unless(&s.Floor, 3)
	unless(&s.BodyMax, 64<<10)
	return s
}
