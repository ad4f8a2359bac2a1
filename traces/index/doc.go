// Package index is what is kept beside a trace so that nobody must read all of
// it: where its blocks begin, which of them a request or a key is in, and what
// was noteworthy. An index is made from a trace and can be made again at any
// time; it says where to look, and the trace says what happened.
//
// What may not live here: files and folders (adapters/recordings), the format
// of traces, and anything that only replay can know.
package index
