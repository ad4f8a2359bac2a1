// Package settings holds what only the edge needs of a configuration, as plain
// data: configfile writes it, the adapters read it. One file per concern.
//
// What may not live here: anything that a decision depends on (that is
// core.Spec), reading of files, and any behaviour beyond checking and encoding
// the values.
package settings
