// Package lifecycle is how the process of a router begins, is replaced and ends:
// sockets that are open before it starts (from systemd, or from the process it
// replaces), the hot upgrade that hands those sockets and what the router has
// learnt to a successor, and what systemd is told of it.
//
// A hot upgrade: the running process starts the new program and gives it every
// listening socket and one connection to talk over. The successor loads its
// configuration, asks for the predecessor's state, serves, and says so. Only
// then does the predecessor stop accepting, let its connections end, and exit.
// Until that word nothing has changed for clients: a successor that dies, fails
// or does not say it in time is killed, and the running process goes on. Both
// accept from the same sockets meanwhile, so no connection waits in a queue that
// is thrown away.
//
// What may not live here: signals and flags (cmd), serving HTTP, decisions. What
// is handed over is core's business (core.Router.Succeed).
package lifecycle
