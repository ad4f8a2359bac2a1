// Package configimport turns the configurations of HAProxy and Envoy into the
// native form, as far as they map, and says for every line of the input whether
// it was translated, translated with a difference, or not translated, why, and
// what to do. README.md has the tables of what becomes what.
//
// What may not live here: the meaning of the native form (configfile's), reading
// of sockets or of anything but the files that it is given, and silence: a line
// that nothing here reads is listed as not translated.
package configimport
