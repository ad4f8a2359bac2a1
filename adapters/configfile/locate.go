package configfile

import "lockstep/core"

// Locate shows each fault at its path in a YAML document that DecodeYAML has
// read, or at the nearest thing around it. Its result is a Problems.
func Locate(name string, data []byte, faults core.SpecErrors) error {
	root, fault := readYAML(&source{name, string(data)})
	if fault != nil {
		return Problems{fault}
	}
	f := &File{Form: Native, root: root}
	return f.problems(faults)
}
