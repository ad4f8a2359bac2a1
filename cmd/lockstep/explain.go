package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"lockstep/traces"
	"lockstep/traces/explain"
)

// explainFlags name what to explain: one of the two.
type explainFlags struct {
	request string
	step    uint64
	config  string // file in which places are looked up; "" for none
	json    bool
}

func newExplainCommand() *cobra.Command {
	var flags explainFlags
	cmd := &cobra.Command{
		Use:   "explain TRACE...",
		Short: "Tell the story of one request from a recording",
		Long: `Tell the story of one request: what was decided and why, what led to it, which
candidates there were and why each was passed over at that moment, and how it
ended. All of it is recomputed from the recording, which is checked on the way.
The id is that of the X-Request-Id header; every request that carried it is told.`,
		Example: `  lockstep explain /var/lib/lockstep/rec --request 7c1e09aa5f0d4e6b8a9c0d1e2f304152
  lockstep explain dump.lst --step 81126920
  lockstep explain dump.lst --request 7c1e09aa5f0d4e6b8a9c0d1e2f304152 --config router.yaml`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (flags.request == "") == (flags.step == 0) {
				return errors.New("name what to explain: --request ID or --step N")
			}
			return runExplain(cmd.OutOrStdout(), args, flags)
		},
	}
	cmd.Flags().StringVar(&flags.request, "request", "", "id of the request, as in X-Request-Id")
	cmd.Flags().Uint64Var(&flags.step, "step", 0, "number of the step, as replay and convert print it")
	cmd.Flags().StringVar(&flags.config, "config", "", "configuration file: show where in it the key stands, if it is the one that was in force")
	cmd.Flags().BoolVar(&flags.json, "json", false, "print JSON")
	return cmd
}

func (f *explainFlags) query() (q explain.Query) {
	if f.request == "" {
		return explain.Query{Steps: []uint64{f.step}}
	}
	q.ID = new([2]uint64)
	q.ID[0], q.ID[1] = traces.ParseRequestID(f.request)
	return q
}

func runExplain(w io.Writer, args []string, flags explainFlags) error {
	files, err := traceFiles(args)
	if err != nil {
		return err
	}
	known, err := newExplainHooks(flags.config)
	if err != nil {
		return err
	}
	t := explain.New(flags.query(), known.hooks())
	v := traces.NewVerifier(traces.Options{Before: t.Before, After: t.After})
	for _, path := range files {
		if _, err := replayFile(v, path, t.Begin); err != nil {
			return err
		}
		if v.Report().Divergence != nil {
			break
		}
	}
	report := v.Report()
	stories := t.Stories()
	if len(stories) == 0 {
		return notFound(flags, &report)
	}
	for _, s := range stories {
		s.Proof = explain.ProofText(&report)
	}
	if flags.json {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		err = enc.Encode(stories)
	} else {
		explain.Print(w, stories)
	}
	if err == nil && !report.OK() {
		return errFailed
	}
	return err
}

func notFound(flags explainFlags, r *traces.Report) error {
	what := fmt.Sprintf("step %d", flags.step)
	if flags.request != "" {
		what = fmt.Sprintf("a request with id %q", flags.request)
	}
	err := fmt.Errorf("%s is not among the %s requests, steps %d to %d, that replayed", what, thousands(r.Requests), r.First, r.Last)
	if r.Divergence != nil {
		err = fmt.Errorf("%w; replay stopped at a %s", err, r.Divergence)
	}
	return err
}
