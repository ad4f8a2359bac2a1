// Package scenario gives scenario files their meaning: a world, a timeline and
// what is expected of it become a sim.Plan and a verdict. The structs carry
// yaml tags and import no YAML: the command decodes, this package judges.
// README.md has the vocabulary. Nothing here reads a file or a clock.
package scenario
