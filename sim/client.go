package sim

import (
	"cmp"
	"fmt"
	"slices"

	"lockstep/core"
)

// client is one population, compiled.
type client struct {
	plan       *Client
	from, to   int      // its keys are world.keys[from:to]
	cumulative []uint64 // Zipf: running sum of weights
	gap        core.Duration
	budget     bucket
}

// sender is who sends one request after another and counts them: an open-loop
// client, one closed-loop user, or a burst.
type sender struct {
	client uint32
	kind   senderKind
	entity uint64 // hash of who it is
	count  uint64
	cookie uint64 // identity of the endpoint that its cookie names; 0 for none
}

type senderKind uint8

const (
	sendsOpen senderKind = iota
	sendsClosed
	sendsBurst
	sendsShaped // open-loop, with a ramp or a hold
)

// unknownKeys is how many keys that no table has are drawn from.
const unknownKeys = 16

func (w *world) makeClients() error {
	shared := map[int][2]int{} // by table: where its keys begin and end
	for i := range w.plan.Clients {
		p := &w.plan.Clients[i]
		c := client{plan: p, from: len(w.keys), budget: newBucket(&p.Retry)}
		if len(p.Keys) == 0 {
			table := w.configs[0].RouteInfo(int(via(w.configs[0], p.Route))).Table
			if _, known := shared[table]; !known {
				for k := range w.configs[0].TableKeys(table) {
					key, _ := w.configs[0].TableKey(table, k)
					w.keys = append(w.keys, key)
				}
				shared[table] = [2]int{c.from, len(w.keys)}
			}
			c.from, c.to = shared[table][0], shared[table][1]
		} else {
			w.keys = append(w.keys, p.Keys...)
			c.to = len(w.keys)
		}
		if c.from == c.to && p.Unknown+p.NoKey < million {
			return fmt.Errorf("client %q has no keys: list some, or let Unknown be 1000000", p.Name)
		}
		if p.Zipf {
			c.cumulative = zipf(c.to - c.from)
		}
		w.clients = append(w.clients, c)
		w.makeSenders(uint32(i))
	}
	for i := range unknownKeys {
		w.keys = append(w.keys, fmt.Sprintf("no-such-key-%d", i))
	}
	for i := range w.plan.Bursts {
		n := slices.IndexFunc(w.plan.Clients, func(c Client) bool { return c.Name == w.plan.Bursts[i].Client })
		if n < 0 {
			return fmt.Errorf("burst %d is of client %q, which the plan does not have", i, w.plan.Bursts[i].Client)
		}
		w.bursts = append(w.bursts, uint32(len(w.senders)))
		w.addSender(uint32(n), sendsBurst, uint64(i))
	}
	return nil
}

// via is the route of a configuration that requests by route take in it.
func via(c *core.Config, route uint16) uint16 {
	if int(route) >= c.Routes() {
		return 0
	}
	return route
}

// user is who keeps to one side of a split, 0 for nobody.
func (w *world) user(c *call) uint64 {
	s := &w.senders[c.sender]
	if p := w.clients[s.client].plan; !p.Sticky || p.Users == 0 {
		return 0
	}
	return s.entity
}

func (w *world) makeSenders(i uint32) {
	p := w.clients[i].plan
	if p.Users == 0 {
		w.clients[i].gap = max(1, cmp.Or(p.Per, core.Second)/core.Duration(max(1, p.Rate)))
		if p.Rate > 0 {
			w.addSender(i, sendsOpen, 0)
			if p.Ramp.Period > 0 || p.Hold.For > 0 {
				w.senders[len(w.senders)-1].kind = sendsShaped
			}
		}
		return
	}
	for u := range p.Users {
		w.addSender(i, sendsClosed, uint64(u))
	}
}

func (w *world) addSender(client uint32, kind senderKind, which uint64) {
	h := fold(fold(w.plan.Seed, uint64(drawClient)), hashString(w.clients[client].plan.Name))
	w.senders = append(w.senders, sender{client: client, kind: kind, entity: fold(fold(h, uint64(kind)), which)})
}

// zipf returns the running sums of weights 1/k.
func zipf(n int) []uint64 {
	sums := make([]uint64, n)
	var sum uint64
	for i := range sums {
		sum += 1 << 40 / uint64(i+1)
		sums[i] = sum
	}
	return sums
}

// startSender schedules the first request. Senders begin spread over a gap, so
// that populations do not march in step.
func (w *world) startSender(id uint32) {
	s := &w.senders[id]
	c := &w.clients[s.client]
	spread := c.gap
	if s.kind == sendsClosed {
		spread = max(c.plan.Think, core.Millisecond)
	}
	if s.kind != sendsBurst {
		w.sendAt(id, c.plan.From.Add(core.Duration(below(draw(s.entity, drawGap), uint64(spread)))))
	}
}

func (w *world) sendAt(id uint32, at core.Time) {
	s := &w.senders[id]
	p := w.clients[s.client].plan
	switch {
	case at >= p.Until:
		return
	case s.kind == sendsOpen:
		w.heap.pushSend(at, id)
		return
	case s.kind == sendsClosed:
		at = p.Hold.pass(at, fold(s.entity, s.count))
	}
	if at < w.length {
		w.heap.push(at, evSend, id, 0)
	}
}

// send starts the next request of a closed-loop user, or of a shaped client.
func (w *world) send(id uint32) {
	s := &w.senders[id]
	if s.kind == sendsShaped {
		w.sendShaped(id)
		return
	}
	w.newCall(id, s, fold(s.entity, s.count))
}

// gap draws the time from one request of an open-loop client to the next.
func (w *world) gap(c *client, root uint64) core.Duration {
	if c.plan.Poisson {
		return w.log.exponential(draw(root, drawGap), c.gap)
	}
	return c.gap
}

// sendOpen starts the next request of an open-loop client, whose event is the
// earliest of all, and puts the one after in its place.
func (w *world) sendOpen(id uint32) {
	s := &w.senders[id]
	root := fold(s.entity, s.count)
	c := &w.clients[s.client]
	if next := w.now.Add(w.gap(c, root)); next < c.plan.Until {
		w.heap.sends.replace(w.heap.next(next, evSend, id, 0))
	} else {
		w.heap.sends.pop()
	}
	w.newCall(id, s, root)
}

func (w *world) burst(i, left uint32) {
	b := &w.plan.Bursts[i]
	if left == 0 {
		return
	}
	if left > 1 {
		done := uint64(b.Requests) - uint64(left) + 1
		w.heap.push(b.At.Add(portion(b.Over, done, uint64(b.Requests))), evBurst, i, left-1)
	}
	s := &w.senders[w.bursts[i]]
	w.newCall(w.bursts[i], s, fold(s.entity, s.count))
}

func (w *world) newCall(id uint32, s *sender, root uint64) { w.arrive(w.makeCall(id, s, root)) }

// makeCall makes a sender's next request, which has still to arrive.
func (w *world) makeCall(id uint32, s *sender, root uint64) uint32 {
	n := w.calls.take()
	c := &w.calls.slab[n]
	gen := c.gen
	*c = call{} // in place: a literal would be built elsewhere and copied
	c.gen, c.sender, c.count, c.root, c.request, c.line = gen, id, s.count, root, core.RequestHash(s.entity, s.count), -1
	s.count++
	who := &w.clients[s.client]
	who.budget.add(uint64(who.plan.Retry.Budget))
	c.key = who.drawKey(root, len(w.keys))
	return n
}

// drawKey returns the number of the request's key, -1 for none.
func (c *client) drawKey(root uint64, keys int) int32 {
	if c.plan.Unknown+c.plan.NoKey > 0 {
		sort := draw(root, drawSort)
		if happens(sort, c.plan.NoKey) {
			return -1
		}
		if happens(sort, c.plan.NoKey+c.plan.Unknown) {
			return int32(keys - unknownKeys + int(below(draw(root, drawKey), unknownKeys)))
		}
	}
	h := draw(root, drawKey)
	if c.cumulative == nil {
		return int32(c.from + int(below(h, uint64(c.to-c.from))))
	}
	at := below(h, c.cumulative[len(c.cumulative)-1]) + 1
	i, _ := slices.BinarySearch(c.cumulative, at)
	return int32(c.from + i)
}

// answered gives a client its answer: it may retry, think, or be done.
func (w *world) answered(id uint32, c *call, class core.Class, status uint16) {
	w.calls.live--
	s := &w.senders[c.sender]
	p := w.clients[s.client].plan
	sender, at := c.sender, w.now
	if uint32(c.tries) < p.Retries && retryable(class, status) && w.retry(c, &w.clients[s.client]) {
		// The user waits for the retry's answer.
	} else if s.kind == sendsClosed {
		think := p.Think
		if p.Poisson {
			think = w.log.exponential(draw(c.root, drawThink), think)
		}
		w.sendAt(sender, at.Add(max(think, core.Microsecond)))
	}
	w.calls.release(id)
}
