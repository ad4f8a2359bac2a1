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

// DecodeYAMLPlaces is DecodeYAML that also tells where things stand: at makes a
// problem at a path in the document, such as requests[3].want, or at the nearest
// thing around it.
func DecodeYAMLPlaces(name string, data []byte, into any) (at func(path, what, hint string) *Problem, err error) {
	if err := DecodeYAML(name, data, into); err != nil {
		return nil, err
	}
	root, fault := readYAML(&source{name, string(data)})
	if fault != nil {
		return nil, Problems{fault}
	}
	f := &File{Form: Native, root: root}
	return f.At, nil
}
