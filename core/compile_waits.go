package core

import "strconv"

// What Compile makes of R5's queue and of R11.

// queue validates the settings of a queue.
func (c *compiler) queue(l *LimitSpec, request Duration, path string) {
	if l.WhenFull != QueueWhenFull {
		if l.Queue != 0 || l.Wait != 0 || l.Order != FIFO {
			c.fail(path+".when_full", "has settings of a queue, but is not queue", "write when_full: {queue: 50, wait: 200ms}, or remove them")
		}
		return
	}
	if l.InFlight <= 0 && l.Adaptive == (AdaptiveSpec{}) {
		c.fail(path+".in_flight", "is not set, so nobody would ever wait", "give the limit at which requests begin to wait")
	}
	if l.Queue < 1 || l.Queue > MaxQueue {
		c.fail(path+".when_full.queue", "is outside 1 to "+strconv.Itoa(MaxQueue), "give the number of requests that may wait")
	}
	c.duration(l.Wait, path+".when_full.wait")
	if l.Wait > request {
		c.fail(path+".when_full.wait", "is above timeouts.request", "a request cannot wait longer than it may take: use a shorter wait")
	}
	if l.Order > NewestFirst {
		c.fail(path+".when_full.order", "is not an order", "use fifo or newest_first")
	}
}

// retries validates R11 and fills in its defaults.
func (c *compiler) retries(s RetrySpec, path string) RetrySpec {
	if s.Max == 0 {
		if s != (RetrySpec{}) {
			c.fail(path+".max", "is 0, but other settings of retries are given", "give max: 1 or more, or write retries: none")
		}
		return s
	}
	orDefault(&s.On, OnConnect|OnReset|OnGateway)
	orDefault(&s.BackOff, 25*Millisecond)
	orDefault(&s.BackOffMax, 10*s.BackOff)
	orDefault(&s.RetryAfter, Second)
	orDefault(&s.BodyMax, 64<<10)
	if !s.NoBudget {
		orDefault(&s.Percent, 20)
		orDefault(&s.Floor, 3)
	} else if s.Percent != 0 || s.Floor != 0 {
		c.fail(path+".budget", "is none, but has a share or a floor", "keep one of the two")
	}
	if s.Max > MaxRetries {
		c.fail(path+".max", "is above "+strconv.Itoa(MaxRetries), "use 1 to "+strconv.Itoa(MaxRetries))
	}
	if s.On >= retryOns || s.Methods > RetryAny {
		c.fail(path, "on or methods is out of range", "use the named constants")
	}
	c.duration(s.BackOff, path+".backoff.base")
	c.duration(s.BackOffMax, path+".backoff.max")
	if s.BackOffMax < s.BackOff {
		c.fail(path+".backoff.max", "is below base", "use at least the value of base")
	}
	c.duration(s.RetryAfter, path+".retry_after_max")
	if s.Percent > 400 {
		c.fail(path+".budget.percent", "is above 400 %", "use 1 % to 400 %")
	}
	if s.Floor > 1000 {
		c.fail(path+".budget.floor", "is above 1000", "use 1 to 1000")
	}
	if s.BodyMax < 0 {
		c.fail(path+".body_max", "is negative", "use 1 byte or more, or leave it out")
	}
	return s
}

// hashWaits folds the queue and the retries in, where they are set.
func (p *placementConfig) hashWaits(f *fold) {
	if l := &p.limit; l.WhenFull == QueueWhenFull {
		f.word(tagQueue)
		f.word(uint64(l.Queue)<<8 | uint64(l.Order))
		f.word(uint64(l.Wait))
	}
	if s := &p.retries; s.Max > 0 {
		f.word(tagRetries)
		f.word(uint64(s.Max)<<24 | uint64(s.On)<<16 | uint64(s.Methods)<<8 | bit(s.NoBudget))
		f.word(uint64(s.BackOff))
		f.word(uint64(s.BackOffMax))
		f.word(uint64(s.RetryAfter))
		f.word(uint64(s.Percent)<<32 | uint64(s.Floor))
		f.word(uint64(s.BodyMax))
	}
}

// comesAgain says whether any request may wait or be retried.
func (c *Config) comesAgain() bool {
	for i := range c.placements {
		if c.placements[i].retries.Max > 0 || c.placements[i].limit.WhenFull == QueueWhenFull {
			return true
		}
	}
	return false
}
