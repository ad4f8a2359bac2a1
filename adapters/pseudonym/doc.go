// Package pseudonym puts other names in the place of routing keys, so that a
// recording tells what happened and not to whom: Names gives a key its keyed
// hash, and Twin decides a recording's steps again under those names, held to
// what was recorded, so that what comes out replays.
//
// Two use it: package flightrec while a router records, and package recordings
// on files, so that both give a key the same name. What may not live here:
// files other than the secret's, flags, the way of a request.
package pseudonym
