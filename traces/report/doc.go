// Package report draws recordings as one HTML page that needs nothing else: no
// server, no network, no framework. It builds a model from facts while a
// traces.Verifier replays them, so what the page shows is what the machine says
// when it is run again, and Page writes it with its script and styles inside.
//
// Who feeds it: a command that has trace files, through traces.Options. What may
// not live here: files, clocks, networks, anything that reads a recording in
// another way than by replay, and any rule about decisions.
package report
