// Package explain tells the story of a request from a recording: what was
// decided and why, what led to it, which candidates there were, and how it
// ended. It is fed with the facts of a replay and reads no file.
package explain
