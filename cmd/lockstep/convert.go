package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"lockstep/adapters/recordings"
	"lockstep/traces"
)

func newConvertCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "convert TRACE -o OUT",
		Short: "Print a recording as NDJSON, or store NDJSON as a recording",
		Long: `Convert a trace between its stored form (.lst) and its printed view (.ndjson).
The form of the input is found out; that of the output follows from its name,
and is NDJSON on standard output (-o -). Nothing is lost either way.`,
		Example: `  lockstep convert dump.lst -o dump.ndjson
  lockstep convert dump.lst -o - | grep '"decision":"opened"'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runConvert(cmd.OutOrStdout(), args[0], output)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "file to write: .lst, .ndjson, or - for NDJSON on standard output")
	_ = cmd.MarkFlagRequired("output")
	return cmd
}

func runConvert(stdout io.Writer, input, output string) error {
	form, err := formOf(output)
	if err != nil {
		return err
	}
	r, in, err := recordings.OpenTrace(input)
	if err != nil {
		return err
	}
	defer in.Close()
	if output == "-" {
		return convertTo(stdout, input, form, r)
	}
	if same, err := sameFile(input, output); err != nil || same {
		return errors.Join(err, fmt.Errorf("%s is the input; give the output another name", output))
	}
	out, err := os.OpenFile(output, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) // traces hold routing keys
	if err != nil {
		return err
	}
	return errors.Join(convertTo(out, input, form, r), out.Close())
}

func convertTo(w io.Writer, input string, form traces.Form, r *traces.Reader) error {
	b := bufio.NewWriterSize(w, 1<<20)
	if err := errors.Join(traces.Convert(b, form, r), b.Flush()); err != nil {
		return fmt.Errorf("%s: %w", input, err)
	}
	return nil
}

func sameFile(a, b string) (bool, error) {
	left, err := os.Stat(a)
	if err != nil {
		return false, err
	}
	right, err := os.Stat(b)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(left, right), err
}

func formOf(output string) (traces.Form, error) {
	switch {
	case output == "-", strings.HasSuffix(output, ".ndjson"):
		return traces.NDJSON, nil
	case strings.HasSuffix(output, ".lst"):
		return traces.Binary, nil
	}
	return 0, fmt.Errorf("%s: end the name with .lst for the stored form or .ndjson for the printed one", output)
}
