// Package admin is the listener for operators and machines that watch a router:
// metrics, health, readiness, the configuration in force and profiles. It is an
// http.Handler that must never be served where clients send their requests.
//
// Whoever reaches it learns names of placements and addresses of upstreams and
// can spend CPU time on profiles, so Address puts it on loopback unless it is
// told otherwise. The recording, which holds routing keys and request ids, is
// given to this machine only, wherever the listener is.
//
// What may not live here: how things are counted (package metrics), when a
// router is ready (its owner says), anything that changes the router.
package admin
