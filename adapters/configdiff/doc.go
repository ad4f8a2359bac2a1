// Package configdiff says what changes between two configurations, before
// anything is pushed: which keys are served elsewhere, which settings of which
// placement differ and where both are written, what the arithmetic of capacity
// says before and after, which push guard a push would trip, which promises are
// held or broken, and whether golden requests still go where they are expected
// to. README.md tells what is exact and what is arithmetic. Deciding is core's
// work and reading files is configfile's: nothing here decides by itself.
package configdiff
