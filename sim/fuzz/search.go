package fuzz

// shrunk reduces a finding's case as long as the same property fails in it.
func (t *Target) shrunk(f *Finding) *Finding {
	smallest := f
	Shrink(f.Case, func(c *Case) bool {
		r := run(c)
		if r.Err != nil {
			return false
		}
		again := t.judge(c, &r)
		if again == nil || again.Property != f.Property {
			return false
		}
		smallest = again
		return true
	})
	return smallest
}
