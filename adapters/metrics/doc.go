// Package metrics shows a router to Prometheus: counters of what it decided and
// how requests ended, histograms of how long they took, and gauges read from the
// router when somebody scrapes.
//
// Label sets are closed: placement and endpoint come from the configuration in
// force, everything else from lists in the code. A routing key, path, tenant or
// client address is never a label, so the number of series is bounded by the
// configuration; series of what a configuration removes are deleted. What a
// late request of a removed placement still counts goes to the empty placement.
//
// On the way of a request nothing is looked up by label: each placement and
// endpoint of the configuration in force has its series at hand, found by the
// index that the decision carries. README.md lists every metric; it is
// generated from the table in names.go.
//
// What may not live here: HTTP servers (package admin), decisions, anything
// that a request waits for.
package metrics
