package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"lockstep/adapters/configfile"
	"lockstep/sim/scenario"
)

// origin says where the text of a scenario comes from.
type origin struct {
	name string // stands for it in errors
	path string // of the file, beside which the configurations that it names are
	from string // of the file beside which an inline configuration includes others
}

// beside is the path of a configuration that the scenario names.
func (o *origin) beside(config string) string { return filepath.Join(filepath.Dir(o.path), config) }

// load reads a configuration of a scenario: own is the scenario's, whose faults
// can be shown where they stand. One that does not compile is returned beside the error.
func (o *origin) load(config any, data []byte, own any) (f *configfile.File, err error) {
	switch c := config.(type) {
	case string:
		f, err = configfile.Load(o.beside(c))
	case map[string]any:
		name, text, from, ok := o.name, "", o.from, false
		switch mine := own.(type) {
		case string:
			from = o.beside(mine)
		case map[string]any:
			if reflect.ValueOf(mine).Pointer() == reflect.ValueOf(c).Pointer() {
				text, ok = onlyBlock(string(data), "config:")
			}
		}
		if !ok {
			name, text = name+" (merged config)", scenario.Text(config)
		}
		f, err = configfile.ParseBeside(from, name, []byte(text))
	default:
		err = fmt.Errorf("%s: config is neither a path nor a map", o.name)
	}
	if err != nil {
		return nil, err
	}
	_, err = f.Compile()
	return f, err
}

// tree returns the content of a configuration that is named by its path.
func (o *origin) tree(config any) (any, error) {
	path, ok := config.(string)
	if !ok {
		return config, nil
	}
	at := o.beside(path)
	text, err := os.ReadFile(at)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration of %s: %w", o.path, err)
	}
	var tree any
	err = configfile.DecodeYAML(at, text, &tree)
	return tree, err
}

// onlyBlock blanks all of a YAML text but the indented lines below the line
// that is key, so that they parse on their own with every place unchanged.
func onlyBlock(text, key string) (string, bool) {
	lines := strings.Split(text, "\n")
	inside, found := false, false
	for i, line := range lines {
		if line != "" && line[0] != ' ' && line[0] != '#' {
			inside = strings.TrimRight(line, " ") == key
			found = found || inside
			lines[i] = ""
		} else if !inside {
			lines[i] = ""
		}
	}
	return strings.Join(lines, "\n"), found
}
