// Package whatif replays the inputs of recordings under another configuration
// and says what would have been decided, and how sure that is: every decision
// and every outcome is labelled recorded, modelled or unknown. README.md says
// what each label promises.
package whatif
