// Package incident drafts a post-mortem from recordings: what happened, to
// whom, for how long, what came first, and what the obvious mitigations would
// have done. Everything in a draft is counted from the recordings by replaying
// them; what is inferred or modelled is said to be so where it stands.
// README.md says what each part means, what lives here, and what may not.
package incident
