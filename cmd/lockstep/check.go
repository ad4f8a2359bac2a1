package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lockstep/adapters/configdiff"
	"lockstep/adapters/configfile"
	"lockstep/core"
	"lockstep/traces/say"
)

// checkFlags are what check was asked to show beside its verdict.
type checkFlags struct {
	key, placement       string
	host, path, listener string // which route --explain-key takes; all empty: every route
	expect, failUnder    string
	writeExpect          string
	json, schema         bool
}

func newCheckCommand() *cobra.Command {
	var flags checkFlags
	cmd := &cobra.Command{
		Use:   "check FILE...",
		Short: "Validate configurations: where each fault is and how to mend it",
		Long: `Validate configurations in any of the three forms. Every fault is shown with
its file, line and column. Warnings do not fail the check; with facts stated,
they include placements too small for the load they must take. A promise of must
that is broken whatever happens fails the check. Files of keys and certificates
are read where they are there, from the working directory, as serve does.

With --expect, golden requests are put to each configuration, offline, and what
they do not exercise is listed. --write-expect makes a first file of them from
what the configuration decides today: read it before you rely on it.`,
		Example: `  lockstep check payments.yaml
  lockstep check payments.yaml --explain-key visa
  lockstep check payments.yaml --explain-key visa --host api.example.com --path /v1
  lockstep check payments.yaml --effective cell-07
  lockstep check payments.yaml --write-expect golden.yaml
  lockstep check payments.yaml --expect golden.yaml --fail-under 80%
  lockstep check --schema > lockstep.schema.json`,
		Args: func(cmd *cobra.Command, args []string) error { return schemaOrFiles(cmd, args, flags.schema) },
		RunE: func(cmd *cobra.Command, args []string) error {
			if flags.schema {
				fmt.Fprint(cmd.OutOrStdout(), configfile.Schema())
				return nil
			}
			if flags.writeExpect != "" {
				return writeExpect(cmd.OutOrStdout(), args, flags.writeExpect)
			}
			return runCheck(cmd.OutOrStdout(), args, flags)
		},
	}
	cmd.Flags().StringVar(&flags.key, "explain-key", "", "show where this routing key goes, and why")
	cmd.Flags().StringVar(&flags.host, "host", "", "with --explain-key: by the route that a request for this host takes")
	cmd.Flags().StringVar(&flags.path, "path", "", "with --explain-key: by the route that a request for this path takes")
	cmd.Flags().StringVar(&flags.listener, "listener", "", "with --explain-key: by the route that a request to this listener takes")
	cmd.Flags().StringVar(&flags.placement, "effective", "", "show every setting of this placement, or of listener NAME as listen.NAME or route NAME as routes.NAME, or of control_plane, and where it comes from")
	cmd.Flags().StringVar(&flags.expect, "expect", "", "file of golden requests that each configuration must decide as it says (schema: lockstep diff --schema)")
	cmd.Flags().StringVar(&flags.failUnder, "fail-under", "", "with --expect: fail if the golden requests exercise less than this share, such as 80%")
	cmd.Flags().StringVar(&flags.writeExpect, "write-expect", "", "write golden requests of what the configuration decides today to this new file, - for the output, and do nothing else")
	cmd.Flags().BoolVar(&flags.json, "json", false, "print JSON")
	cmd.Flags().BoolVar(&flags.schema, "schema", false, "print the JSON Schema of the native form, for editors")
	return cmd
}

// schemaOrFiles checks the arguments of a command that prints a schema in place of reading files.
func schemaOrFiles(cmd *cobra.Command, args []string, schema bool) error {
	if schema {
		return cobra.NoArgs(cmd, args)
	}
	return cobra.MinimumNArgs(1)(cmd, args)
}

// checkResult is the verdict on one file.
type checkResult struct {
	File       string              `json:"file"`
	OK         bool                `json:"ok"`
	Form       string              `json:"form,omitempty"`
	Version    string              `json:"version,omitempty"`
	Placements int                 `json:"placements"`
	Endpoints  int                 `json:"endpoints"`
	Keys       int                 `json:"keys"` // in all tables
	Routes     int                 `json:"routes"`
	Tables     int                 `json:"tables"`
	Splits     int                 `json:"splits,omitempty"` // different ones
	Errors     configfile.Problems `json:"errors,omitempty"`
	Warnings   configfile.Problems `json:"warnings,omitempty"`
	Proved     []string            `json:"promises_proved,omitempty"` // of must: they hold whatever happens
	Runs       []string            `json:"promises_for_runs,omitempty"`
	Key        *keyStory           `json:"key,omitempty"`
	KeyAlso    []*keyStory         `json:"key_also,omitempty"` // by other routes, and on other sides of a split
	Effective  []configfile.Value  `json:"effective,omitempty"`
	// Expect is what golden requests say, where some were given.
	Expect *configdiff.Expectations `json:"expect,omitempty"`

	side configdiff.Side // where it compiles
}

func (r *checkResult) passed() bool { return r.OK }

func runCheck(w io.Writer, paths []string, flags checkFlags) error {
	golden, least, err := readExpect(flags.expect, flags.failUnder)
	if err != nil {
		return err
	}
	return judgeFiles(w, paths, flags.json, nil, func(path string) (*checkResult, error) {
		r, err := checkFile(path, flags)
		if err == nil && golden != nil && r.side.Config != nil {
			err = r.judgeGolden(golden, least)
		}
		return r, err
	})
}

// checkFile returns the verdict; an error means that the question cannot be asked.
func checkFile(path string, flags checkFlags) (*checkResult, error) {
	r := &checkResult{File: path}
	f, err := configfile.Load(path)
	var c *core.Config
	if err == nil {
		c, err = f.Compile()
	}
	if err != nil {
		faults, ok := err.(configfile.Problems)
		if !ok {
			return nil, err
		}
		r.Errors = faults
		return r, nil
	}
	r.side = configdiff.Side{Name: path, File: f, Config: c}
	faults, doubts := filesAndPorts(f, c)
	r.Errors = slices.Concat(f.Broken(c), faults)
	r.OK, r.Form, r.Version = len(r.Errors) == 0, f.Form.String(), c.Version()
	r.Placements, r.Endpoints = c.Placements(), c.Endpoints()
	r.Routes, r.Tables, r.Splits = c.Routes(), c.Tables(), c.Splits()
	for i := range c.Tables() {
		r.Keys += c.TableKeys(i)
	}
	r.Warnings = slices.Concat(f.Warnings, f.Capacity(c), f.Doubts(c), f.Idle(), f.Shadowed(), f.Unused(), doubts, unresolved(f))
	r.Proved, r.Runs = f.Proved()
	if flags.key != "" {
		stories, err := explainKey(f, c, &flags)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		r.Key, r.KeyAlso = stories[0], stories[1:]
	}
	if flags.placement != "" {
		if name, ok := strings.CutPrefix(flags.placement, "listen."); ok {
			if r.Effective, ok = f.EffectiveListener(name); !ok {
				return nil, fmt.Errorf("%s has no listener named %q", path, name)
			}
			return r, nil
		}
		if name, ok := strings.CutPrefix(flags.placement, "routes."); ok {
			if r.Effective, ok = f.EffectiveRoute(c, name); !ok {
				return nil, fmt.Errorf("%s has no route named %q", path, name)
			}
			return r, nil
		}
		i, ok := c.FindPlacement(flags.placement)
		if !ok && flags.placement == "control_plane" {
			r.Effective = f.EffectiveControlPlane()
			return r, nil
		}
		if !ok && flags.placement == "recording" {
			r.Effective = f.EffectiveRecording()
			return r, nil
		}
		if !ok {
			return nil, fmt.Errorf("%s has no placement named %q", path, flags.placement)
		}
		r.Effective = f.Effective(c, i)
	}
	return r, nil
}

func (r *checkResult) print(w io.Writer) {
	if len(r.Errors) > 0 {
		fmt.Fprintf(w, "FAIL  %s   %s\n\n%s\n", r.File, say.Plural(len(r.Errors), "error"), r.Errors.Error())
		return
	}
	routes := ""
	if r.Routes > 1 {
		routes = say.Plural(r.Routes, "route") + ", "
	}
	verdict := "OK"
	if !r.OK {
		verdict = "FAIL"
	}
	fmt.Fprintf(w, "%s  %s   %s form, version %s: %s%s, %s, %s, %s\n", verdict, r.File, r.Form, r.Version, routes,
		say.Plural(r.Placements, "placement"), say.Plural(r.Endpoints, "endpoint"), say.Plural(r.Keys, "key"), say.Plural(len(r.Warnings), "warning"))
	for _, p := range r.Warnings {
		fmt.Fprintf(w, "\nwarning: %s\n", p.Error())
	}
	r.printMust(w)
	r.printGolden(w)
	if r.Key != nil {
		r.Key.print(w)
		for _, s := range r.KeyAlso {
			s.print(w)
		}
	}
	if r.Effective != nil {
		printEffective(w, r.Effective)
	}
}

// printMust says which promises need no run, and who holds the others.
func (r *checkResult) printMust(w io.Writer) {
	if len(r.Proved) > 0 {
		fmt.Fprintf(w, "Proved     must %s\n", strings.Join(r.Proved, ", "))
	}
	if len(r.Runs) > 0 {
		fmt.Fprintf(w, "Not here   must %s: lockstep fuzz and sim hold them in runs, lockstep verify over recordings\n", strings.Join(r.Runs, ", "))
	}
}

func printEffective(w io.Writer, values []configfile.Value) {
	fmt.Fprintln(w)
	widest := 0
	for _, v := range values {
		widest = max(widest, len(v.Value))
	}
	for _, v := range values {
		from := "default"
		if v.From.Line > 0 {
			from = v.From.String()
		}
		fmt.Fprintf(w, "  %-30s  %-*s  %s\n", v.Path, widest, v.Value, from)
	}
}
