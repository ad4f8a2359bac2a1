// Package recordings is the store of what routers recorded: folders of
// segments, which of them belong together, what is where in them, how long they
// are kept, and what leaves the house.
//
// It knows files, and nothing of decisions: those are recomputed by package
// traces. What may not live here: the format of traces (package traces) and of
// indexes (traces/index), the writing of segments (adapters/flightrec), words
// for people about requests (traces/explain).
package recordings
