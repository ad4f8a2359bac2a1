// Package calibrate makes a plan for the simulator out of what routers were seen
// to do: who sent how much and when, how long each endpoint took, and how it
// failed. It then measures how far a run of that plan is from what was seen, so
// that the simulator's word can be weighed. README.md says what a model leaves out.
package calibrate
