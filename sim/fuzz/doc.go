// Package fuzz searches for the smallest failure story that breaks a property
// of one configuration. A seed determines a case, a case determines a run, so a
// search can be split, repeated and resumed by seeds alone. It has no clock, no
// goroutine and no file: the command owns those. README.md tells the properties.
package fuzz
