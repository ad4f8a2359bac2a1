// Package settings holds what only the edge needs of a configuration: how
// requests find their key, how connections to endpoints are made. Core carries
// it as text (core.Spec.Edge, core.PlacementSpec.Edge), so that a push is one
// value and a recording is whole, and never reads it. configfile writes the
// text, the edge reads it once per configuration.
//
// Listeners are here too, as plain values: they belong to one router's file and
// are no part of a Spec.
//
// What may not live here: reading files, opening connections, decisions.
package settings
