package main

// version is stamped by `make build`; a plain `go build` leaves it as it is.
var version = "devel"
