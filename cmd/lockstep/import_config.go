package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"lockstep/adapters/configimport"
)

// configImport is what one run of lockstep import *-config was asked for.
type configImport struct {
	output         string
	env            []string
	annotate, json bool
	strict, all    bool
	translate      func(files []configimport.Input, o configimport.Options) (*configimport.Result, error)
}

// newImportConfigCommands returns the commands that translate the configurations of others.
func newImportConfigCommands() []*cobra.Command {
	haproxy := configimport.HAProxy
	return []*cobra.Command{
		newImportConfigCommand("haproxy-config FILE...", "an HAProxy configuration", `  lockstep import haproxy-config /etc/haproxy/haproxy.cfg -o lockstep.yaml
  lockstep import haproxy-config haproxy.cfg conf.d/*.cfg --all
  lockstep import haproxy-config haproxy.cfg --annotate | less
  lockstep import haproxy-config haproxy.cfg --env CELL_PORT=8080 --strict -o lockstep.yaml && lockstep check lockstep.yaml`, cobra.MinimumNArgs(1), haproxy),
		newImportConfigCommand("envoy-config FILE", "an Envoy configuration (v3, YAML or JSON, static_resources)", `  lockstep import envoy-config envoy.yaml -o lockstep.yaml
  lockstep import envoy-config bootstrap.json --annotate | less
  lockstep import envoy-config envoy.yaml --json | jq '.report.lines[] | select(.class == "not_translated")'`, cobra.ExactArgs(1),
			func(files []configimport.Input, o configimport.Options) (*configimport.Result, error) {
				return configimport.Envoy(files[0], o)
			}),
	}
}

func newImportConfigCommand(use, what, example string, args cobra.PositionalArgs, translate func([]configimport.Input, configimport.Options) (*configimport.Result, error)) *cobra.Command {
	run := configImport{translate: translate}
	cmd := &cobra.Command{
		Use:   use,
		Short: "Translate " + what + " to the native form, and list every line that is not",
		Long: "Translate " + what + ` to the native form. The result goes to standard
output or to -o FILE; each value has the line that it comes from beside it. The
report goes to standard error: every line that is not translated, or means
something a little different here, with its place, why, and what to do. Maps and
lists that the configuration names are looked for by their path, then beside it.
With -o, a table of more than 5,000 keys is a CSV beside FILE, which includes it.

Exit code 0 when a configuration was made, with --strict 1 when a line of the
input is not translated, 2 for a file that is no such configuration.`,
		Example: example,
		Args:    args,
		RunE: func(cmd *cobra.Command, args []string) error {
			return run.run(cmd.OutOrStdout(), cmd.ErrOrStderr(), args)
		},
	}
	cmd.Flags().StringVarP(&run.output, "output", "o", "", "write the configuration to this file instead of standard output")
	cmd.Flags().StringArrayVar(&run.env, "env", nil, "NAME=VALUE of an environment variable, before those of this process; may be given again")
	cmd.Flags().BoolVar(&run.annotate, "annotate", false, "put the report into the configuration, as comments on top")
	cmd.Flags().BoolVar(&run.json, "json", false, "print configuration and report as JSON, with every line")
	cmd.Flags().BoolVar(&run.all, "all", false, "report the lines that are translated too")
	cmd.Flags().BoolVar(&run.strict, "strict", false, "exit with 1 when a line is not translated")
	return cmd
}

func (c *configImport) run(stdout, stderr io.Writer, paths []string) error {
	var files []configimport.Input
	for _, p := range paths {
		if same, err := sameFile(p, c.output); err == nil && same {
			return fmt.Errorf("-o %s would write over the configuration that is translated: name another file", c.output)
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		files = append(files, configimport.Input{Name: p, Data: data})
	}
	result, err := c.translate(files, c.options(paths[0]))
	var empty *configimport.Empty
	if errors.As(err, &empty) {
		_, _ = io.WriteString(stderr, empty.Report.Text(c.all))
	}
	if err != nil {
		return err
	}
	if err := c.write(stdout, stderr, result); err != nil {
		return err
	}
	if c.strict && result.Report.NotTranslated > 0 {
		return errFailed // the report says what
	}
	return nil
}

// options say what a translation may read. Large tables become files only where there is a folder for them.
func (c *configImport) options(path string) configimport.Options {
	o := configimport.Options{Env: c.variable, Read: configimport.ReadBeside(path)}
	if c.output != "" {
		base := filepath.Base(c.output)
		o.CSVOver, o.CSVPrefix = csvOver, strings.TrimSuffix(base, filepath.Ext(base))+"-"
	}
	return o
}

// csvOver is how many keys a table has at most in the YAML, where it can be a file beside it.
const csvOver = 5000

// variable looks up an environment variable: --env first, then this process's.
func (c *configImport) variable(name string) (string, bool) {
	for _, e := range c.env {
		if n, v, ok := strings.Cut(e, "="); ok && n == name {
			return v, true
		}
	}
	return os.LookupEnv(name)
}

func (c *configImport) write(stdout, stderr io.Writer, r *configimport.Result) error {
	yaml := r.YAML
	if c.annotate {
		yaml = r.Annotated()
	}
	if c.output != "" {
		if err := os.WriteFile(c.output, yaml, 0o644); err != nil {
			return err
		}
	}
	for name, data := range r.CSV {
		if err := os.WriteFile(filepath.Join(filepath.Dir(c.output), name), data, 0o644); err != nil {
			return err
		}
	}
	if c.json {
		return writeJSON(stdout, struct {
			Configuration string               `json:"configuration"`
			Report        *configimport.Report `json:"report"`
		}{string(yaml), r.Report})
	}
	if !c.annotate || c.output != "" {
		if _, err := io.WriteString(stderr, r.Report.Text(c.all)); err != nil {
			return err
		}
	}
	if c.output == "" {
		_, err := stdout.Write(yaml)
		return err
	}
	return nil
}
