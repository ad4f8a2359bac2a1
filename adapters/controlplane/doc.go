// Package controlplane speaks the baseline's control-plane protocol in both
// roles: Client is the router's side, Server the control plane's.
//
// The protocol is JSON text over a WebSocket on /connect. The control plane
// sends its whole configuration on connect and on every change,
//
//	{"type":"config_snapshot","version":…,"routingTable":{…},"cellEndpoints":{…},"defaultPlacement":…}
//
// and a router answers each with {"type":"ack","version":…} or
// {"type":"nack","version":…,"error":…}.
//
// This form carries no settings and one endpoint per placement. So ours adds a
// field that a baseline router ignores and Client prefers: "config", the text of
// a configuration file in any form that configfile reads. Server sends it unless
// the file is in the old form itself. A push without it means exactly what it
// says: every setting is the default, also one that the bootstrap file had.
//
// A second field of ours is "deliberate": true on a push that push guards (R13,
// control_plane.refuse_push_over) shall let pass. A baseline router, which has no
// guards, ignores it. A push that a guard refuses is answered by a nack that
// says which one and by how much.
//
// Client validates before anything else happens, keeps what it adopts on disk
// (package lkg), and reconnects for ever. What the control plane does or fails
// to do never touches a request (R13).
//
// Authentication is a bearer token on the handshake. It proves the router to
// the control plane; only wss:// proves the control plane to the router. Server
// itself has no TLS: put it behind a proxy that has.
//
// What may not live here: what a configuration means (core, configfile), or when
// it is in force (driver).
package controlplane
