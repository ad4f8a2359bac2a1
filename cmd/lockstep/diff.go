package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"lockstep/adapters/configdiff"
	"lockstep/adapters/configfile"
)

// diffFlags say what diff holds a change to, and how it prints it.
type diffFlags struct {
	expect, failUnder string
	failOn            []string
	format            string
	json, schema      bool
}

func newDiffCommand() *cobra.Command {
	var flags diffFlags
	cmd := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "What changes between two configurations: keys, placements, capacity, promises",
		Long: `Compare two configurations, of any of the three forms on either side, by what
they decide: which keys get other candidates, which settings of which placement
differ and where both are written, what the arithmetic of facts says of capacity
before and after, whether routers would refuse the push (push guards), which
promises of must are held or broken. With --expect, golden requests are put to
NEW, offline, and what they do not exercise is listed.

Exit code 0: no harm found. 1: a promise is broken, a golden request fails, or
the change goes beyond a limit of --fail-on. 2: bad input.

Limits of --fail-on: ` + configdiff.GateNames() + `.
SHARE is the most that passes.`,
		Example: `  lockstep diff payments.yaml payments-new.yaml
  lockstep diff old.json new.yaml --fail-on rerouted:5%,removed:0%,capacity
  lockstep diff old.yaml new.yaml --expect golden.yaml --fail-under 80%
  lockstep diff old.yaml new.yaml --format markdown > comment.md
  lockstep diff --schema > expect.schema.json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if flags.schema {
				return cobra.NoArgs(cmd, args)
			}
			return cobra.ExactArgs(2)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if flags.schema {
				fmt.Fprint(cmd.OutOrStdout(), configdiff.ExpectSchema())
				return nil
			}
			return runDiff(cmd.OutOrStdout(), args[0], args[1], &flags)
		},
	}
	cmd.Flags().StringVar(&flags.expect, "expect", "", "file of golden requests that NEW must decide as it says")
	cmd.Flags().StringVar(&flags.failUnder, "fail-under", "", "with --expect: fail if the golden requests exercise less of NEW than this share, such as 80%")
	cmd.Flags().StringSliceVar(&flags.failOn, "fail-on", nil, "limits that the change must keep within, such as rerouted:5%")
	cmd.Flags().StringVar(&flags.format, "format", "text", "text, markdown (a comment on a pull request) or json")
	cmd.Flags().BoolVar(&flags.json, "json", false, "print JSON, as --format json does")
	cmd.Flags().BoolVar(&flags.schema, "schema", false, "print the JSON Schema of files of golden requests, for editors")
	return cmd
}

func runDiff(w io.Writer, oldPath, newPath string, flags *diffFlags) error {
	options, err := flags.options()
	if err != nil {
		return err
	}
	before, err := loadSide(oldPath)
	if err != nil {
		return err
	}
	after, err := loadSide(newPath)
	if err != nil {
		return err
	}
	r, err := configdiff.Compare(before, after, options)
	if err != nil {
		return err
	}
	switch flags.format {
	case "markdown":
		r.Markdown(w)
	case "json":
		if err := writeJSON(w, r); err != nil {
			return err
		}
	default:
		r.Text(w)
	}
	if !r.Passed() {
		return errFailed
	}
	return nil
}

// options reads what the flags say, before any file is.
func (f *diffFlags) options() (o configdiff.Options, err error) {
	if f.json {
		f.format = "json"
	}
	if f.format != "text" && f.format != "markdown" && f.format != "json" {
		return o, fmt.Errorf("--format %q is not known; write text, markdown or json", f.format)
	}
	for _, text := range f.failOn {
		gate, err := configdiff.ParseGate(text)
		if err != nil {
			return o, fmt.Errorf("--fail-on: %w", err)
		}
		o.Gates = append(o.Gates, gate)
	}
	o.Expect, o.MinCoverage, err = readExpect(f.expect, f.failUnder)
	return o, err
}

// readExpect reads a file of golden requests and the share that they must
// exercise; nil without a file.
func readExpect(path, failUnder string) (file *configdiff.ExpectFile, least uint32, err error) {
	if path == "" {
		if failUnder != "" {
			return nil, 0, fmt.Errorf("--fail-under says how much golden requests must exercise, and there are none; name their file with --expect FILE")
		}
		return nil, 0, nil
	}
	if failUnder != "" {
		if least, err = configdiff.ParseShare(failUnder); err != nil {
			return nil, 0, fmt.Errorf("--fail-under: %w", err)
		}
	}
	file, err = configdiff.LoadExpect(path)
	return file, least, err
}

// loadSide reads and compiles one configuration.
func loadSide(path string) (configdiff.Side, error) {
	f, err := configfile.Load(path)
	if err != nil {
		return configdiff.Side{}, err
	}
	c, err := f.Compile()
	if err != nil {
		return configdiff.Side{}, err
	}
	return configdiff.Side{Name: path, File: f, Config: c}, nil
}
