package main

import (
	"net/http"

	"lockstep/adapters/http1"
)

// answering is a router as listeners see it: the handler of requests, and who
// is told of those that were refused before they were any.
type answering struct{ *router }

// ServeHTTP implements http.Handler.
func (a answering) ServeHTTP(w http.ResponseWriter, req *http.Request) { a.answer(w, req) }

// Refused is called by package http1: what it refuses is recorded and logged too.
func (a answering) Refused(f *http1.Refusal) { a.proxy.Refused(f) }
