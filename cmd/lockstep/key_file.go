package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"lockstep/adapters/configfile"
	"lockstep/adapters/pseudonym"
	"lockstep/adapters/recordings"
	"lockstep/core"
	"lockstep/traces/promise"
)

// keyFileHelp describes --key-file where recordings are read.
const keyFileHelp = "of recordings with hashed keys: file with their secret, so that plain keys can be named"

// tellHashed says of which recordings the keys are hashed.
func tellHashed(w io.Writer, all []*recordings.Recording) {
	for _, r := range all {
		if pseudonym.Hashed(&r.Header) {
			fmt.Fprintf(w, "note: the keys in %s are hashed, and so are those of its configurations\n", r.Name())
		}
	}
}

// keyNames gives the names that keys have in recordings: nil where they are
// plain. what, such as "--key visa", is said in plain keys: hashed recordings need
// the secret for it.
func keyNames(path string, all []*recordings.Recording, what string) (*pseudonym.Names, error) {
	if path == "" {
		for _, r := range all {
			if pseudonym.Hashed(&r.Header) && what != "" {
				return nil, fmt.Errorf("the keys in %s are hashed, and %s has plain ones: add --key-file F, the file that serve had as --record-key-hash or recording.key_hash, or redact as --key-file", r.Name(), what)
			}
		}
		return nil, nil
	}
	names, err := pseudonym.Read(path, pseudonym.ShortestFile)
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		if err := names.Match(&r.Header); err != nil {
			return nil, fmt.Errorf("%s: %w", r.Name(), err)
		}
	}
	return names, nil
}

// withKeys reports whether a configuration names any key.
func withKeys(c *core.Config) bool {
	for i := range c.Tables() {
		if c.TableKeys(i) > 0 {
			return true
		}
	}
	return false
}

// isPseudonym reports whether a key can be one already.
func isPseudonym(key string) bool {
	return len(key) == 24 && strings.Trim(key, "0123456789abcdef") == ""
}

// worldUnder is what a file promises, for keys that have those names.
func worldUnder(f *configfile.File, names *pseudonym.Names) promise.World {
	w := f.World()
	if names == nil {
		return w
	}
	plain := map[string]string{}
	add := func(keys []core.KeySpec) {
		for _, k := range keys {
			plain[names.Of(k.Key)] = k.Key
		}
	}
	add(f.Spec.Keys)
	for i := range f.Spec.Tables {
		add(f.Spec.Tables[i].Keys)
	}
	region := w.Region
	w.Region = func(via uint16, key string) string { return region(via, plain[key]) }
	return w
}

// regionsPromised says what of the promises goes by keys, "" for nothing.
func regionsPromised(f *configfile.File, path string) string {
	if slices.ContainsFunc(f.Must, func(p promise.Promise) bool { return p.Region != "" }) {
		return path + ", which promises by regions of keys,"
	}
	return ""
}
