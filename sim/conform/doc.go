// Package conform makes the questions of traces/CONFORM.md, with the answers that
// Go's core gives, judges the answers of another implementation, and reduces a
// difference to the smallest trace that shows it. A question is a pure function of
// its seed. README.md says more.
package conform
