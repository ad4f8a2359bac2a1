// Package external runs programs that others wrote against lockstep serve: curl,
// h2spec and gRPC's interoperability client. Its tests need the build tag
// external, curl, and a module proxy for the other two, which are built in a
// temporary module of their own:
//
//	go test -tags external -count=1 -timeout 20m ./adapters/edge/external
//
// Each test prints its table and compares it with the one in ../README.md, so
// that what stands there is what the last run saw.
//
// What may not live here: anything that the router needs.
package external
