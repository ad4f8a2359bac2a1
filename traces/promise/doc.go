// Package promise holds what an operator may promise of a configuration: a
// closed vocabulary, and one judge of it. The judge watches routers step by
// step, so it is the same for a simulated run, a search and a recording. What
// each promise says exactly, and what needs no run, is in adapters/configfile.
package promise
