package sim

import (
	"testing"

	"lockstep/core"
)

// arrivals counts requests in each second.
func arrivals(t *testing.T, p Plan) (counts []uint64, all uint64) {
	t.Helper()
	r := mustRun(t, p)
	for i := range r.Windows {
		counts = append(counts, r.Windows[i].Arrivals)
		all += r.Windows[i].Arrivals
	}
	return counts, all
}

func TestARampRisesFromItsLowToTheRateAndFallsAgain(t *testing.T) {
	for _, poisson := range []bool{false, true} {
		p := plain()
		p.Length = 40 * core.Second
		p.Clients[0] = Client{Name: "all", Rate: 2000, Poisson: poisson, Ramp: Ramp{Period: 20 * core.Second, Low: 200_000}}
		counts, all := arrivals(t, p)
		// Of 3u^2 - 2u^3 in each second of a half, on top of a fifth; the mean is 60 %.
		for i, want := range []uint64{410, 512, 690, 914, 1160, 1400, 1600, 1790, 1912, 1988} {
			for _, second := range []int{i, 19 - i, 20 + i, 39 - i} {
				if got := counts[second]; got < want*90/100 || got > want*110/100 {
					t.Errorf("poisson %t: %d requests in second %d, want about %d", poisson, got, second, want)
				}
			}
		}
		if all < 47_500 || all > 48_500 {
			t.Errorf("poisson %t: %d requests in all, want about 48,000", poisson, all)
		}
	}
}

func TestARampThatFallsToNothingComesBack(t *testing.T) {
	p := plain()
	p.Length = 40 * core.Second
	p.Clients[0] = Client{Name: "all", Rate: 20, Poisson: true, Ramp: Ramp{Period: 10 * core.Second}}
	counts, all := arrivals(t, p)
	if all < 340 || all > 460 || counts[10] > 5 || counts[35] < 10 {
		t.Errorf("%d requests, want about 400: %v", all, counts)
	}
}

func TestWhatIsHeldComesWhenTheHoldEnds(t *testing.T) {
	p := plain()
	p.Clients[0] = Client{Name: "all", Rate: 100, Poisson: true}
	_, want := arrivals(t, p)
	for over, share := range map[core.Duration]uint64{0: 100, 2 * core.Second: 50} {
		p.Clients[0].Hold = Hold{At: 3 * sec, For: 3 * core.Second, Over: over}
		counts, all := arrivals(t, p)
		held := counts[3] + counts[4] + counts[5]
		if least := 270*share/100 + 60; held != 0 || all != want || counts[6] < least || counts[6] > least+150 {
			t.Errorf("over %d s: %d of %d requests, %d of them during the hold: %v", over/core.Second, all, want, held, counts)
		}
	}
}

func TestWhatIsHeldPastTheEndIsNeverSent(t *testing.T) {
	p := plain()
	p.Clients[0].Hold = Hold{At: 3 * sec, For: 8 * core.Second}
	if _, all := arrivals(t, p); all != 300 {
		t.Errorf("%d requests, want those of the three seconds before the hold", all)
	}
}

func TestUsersAndRetriesAreHeldToo(t *testing.T) {
	p := plain()
	p.Clients = []Client{
		{Name: "users", Users: 50, Think: 200 * core.Millisecond, Hold: Hold{At: 3 * sec, For: 3 * core.Second}},
		{Name: "again", Rate: 100, Until: 7 * sec, Retries: 1, Backoff: 2 * core.Second, Hold: Hold{At: 3 * sec, For: 3 * core.Second}},
	}
	p.Faults = []Fault{{Kind: Refuse, At: 2 * sec, Until: 3 * sec}}
	counts, _ := arrivals(t, p)
	if held := counts[3] + counts[4] + counts[5]; held != 0 {
		t.Errorf("%d requests during the hold: %v", held, counts)
	}
	// All users, 3 s of first requests and 1 s of retries at once; then as before.
	if counts[6] < 50+300+90+100+150 {
		t.Errorf("%d requests in the second after the hold: %v", counts[6], counts)
	}
}

func TestWhatIsSentBeforeAClientStopsGetsThroughAHold(t *testing.T) {
	for _, c := range []Client{{Name: "users", Users: 50, Think: core.Second}, {Name: "rate", Rate: 50}} {
		c.Until, c.Hold = 4*sec, Hold{At: 3 * sec, For: 3 * core.Second}
		p := plain()
		p.Clients = []Client{c}
		if counts, _ := arrivals(t, p); counts[3] != 0 || counts[6] < 45 || counts[6] > 50 {
			t.Errorf("%s: %v, want what was sent in the fourth second in the seventh", c.Name, counts)
		}
	}
}
