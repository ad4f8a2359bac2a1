package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"lockstep/traces"
	"lockstep/traces/explain"
)

// explainFlags name what to explain, and how.
type explainFlags struct {
	request string
	step    uint64
	key     string
	hasKey  bool // the empty key can be asked for
	keyFile string
	from    string
	to      string
	status  int
	class   string
	failed  bool
	guests  bool
	limit   int
	format  string
	whole   bool // replay everything, whatever the index says

	config string // file in which places are looked up, or that a what-if is of; "" for none
	admin  string // URL of a running router's admin listener; "" for none

	// A what-if of a configuration.
	host, path, listener string
	down, full           []string
}

func newExplainCommand() *cobra.Command {
	var flags explainFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain [TRACE...]",
		Short: "Tell the story of one request from a recording",
		Long: `Tell the story of one request: what was decided and why, what led to it, which
candidates there were and why each was passed over at that moment, how it ended,
and which single setting would have changed that. All of it is recomputed from
the recording, which is checked on the way. A TRACE is a file or a folder; name
the folders of several routers to ask them all.

A request is named by its id, which is that of the X-Request-Id header (every
request that carried it is told: a client's retries share an id), or by its step.
With hashed keys (serve --record-key-hash, redact) --key is the pseudonym or, with
--key-file, the plain key. By key, status or class a list comes first, unless one request is left. Times are
UTC: 2026-11-19T14:07:31Z, 14:07 or 14:07:31.5 of the recording's last day, or -10m before
its end; of a simulated recording, 3.2s since its start.

With --admin a running router is asked, which answers from its memory. With a
configuration alone, what would happen to a key is told: with placements or
endpoints down (their breakers open), or full.

Exit 0: told. Exit 1: told, but a file could not be read, or what was read is damaged or
does not replay, so there may be more. Exit 2: nothing was found, or it was asked wrongly.`,
		Example: `  lockstep explain /var/lib/lockstep/rec --request 7c1e09aa5f0d4e6b8a9c0d1e2f304152
  lockstep explain r1/rec r2/rec --request 7c1e09aa5f0d4e6b8a9c0d1e2f304152 --format markdown
  lockstep explain dump.lst --step 81126920 -c router.yaml
  lockstep explain /var/lib/lockstep/rec --key nordbank --failed --from 14:07 --to 14:12
  lockstep explain --admin http://127.0.0.1:9901 --key nordbank --limit 5
  lockstep explain -c router.yaml --key nordbank --down cell-07 --full cell-12`,
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.hasKey = cmd.Flags().Changed("key")
			if asJSON {
				flags.format = "json"
			}
			return runExplain(cmd.OutOrStdout(), cmd.ErrOrStderr(), args, &flags)
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.request, "request", "", "id of the request, as in X-Request-Id")
	f.Uint64Var(&flags.step, "step", 0, "number of the step, as replay and convert print it")
	f.StringVar(&flags.key, "key", "", "routing key: a list of its requests")
	f.StringVar(&flags.keyFile, "key-file", "", keyFileHelp)
	f.StringVar(&flags.from, "from", "", "only requests that came at or after this time")
	f.StringVar(&flags.to, "to", "", "only requests that came at or before this time")
	f.IntVar(&flags.status, "status", 0, "only requests that were answered with this status")
	f.StringVar(&flags.class, "class", "", "only requests that ended in this class, such as limit or connect_refused")
	f.BoolVar(&flags.failed, "failed", false, "only requests that were refused or failed")
	f.BoolVar(&flags.guests, "guests", false, "only requests that another placement than their home served")
	f.IntVar(&flags.limit, "limit", 20, "how many requests a list holds; 0 for all")
	f.StringVar(&flags.format, "format", "text", "text, markdown or json")
	f.BoolVar(&flags.whole, "whole", false, "replay the whole recording instead of the parts that its index names")
	f.StringVarP(&flags.config, "config", "c", "", "configuration file: show where in it things stand, if it is the one that was in force; without a TRACE, what to try")
	f.StringVar(&flags.admin, "admin", "", "ask the router whose admin listener has this URL")
	f.StringVar(&flags.host, "host", "", "without a TRACE: host of the request, for its route")
	f.StringVar(&flags.path, "path", "", "without a TRACE: path of the request, for its route")
	f.StringVar(&flags.listener, "listener", "", "without a TRACE: name of the listener, for its route")
	f.StringSliceVar(&flags.down, "down", nil, "without a TRACE: placements, or placement/endpoint, whose breakers are open")
	f.StringSliceVar(&flags.full, "full", nil, "without a TRACE: placements that are at their limit")
	f.BoolVar(&asJSON, "json", false, "print JSON; the same as --format json")
	return cmd
}

// check says what is wrong with the flags together.
func (f *explainFlags) check(args []string) error {
	switch f.format {
	case "text", "markdown", "json":
	default:
		return fmt.Errorf("--format %q is not text, markdown or json", f.format)
	}
	if f.class != "" && !knownClass(f.class) {
		return fmt.Errorf("--class %q is no class; they are in core/SPEC.md (R16), such as limit, circuit_open, connect_refused", f.class)
	}
	if f.keyFile != "" && !f.hasKey {
		return errors.New("--key-file is for --key: name a key, or leave it out")
	}
	offline := len(f.down)+len(f.full) > 0 || f.host+f.path+f.listener != ""
	switch {
	case len(args) > 0 && f.admin != "":
		return errors.New("name recordings or --admin, not both")
	case len(args) > 0 || f.admin != "":
		if offline {
			return errors.New("--down, --full, --host, --path and --listener are for a configuration alone: leave out the recording")
		}
	case f.config == "":
		return errors.New("name a recording, --admin URL of a running router, or -c FILE to try a configuration")
	case !f.hasKey:
		return errors.New("name the key whose requests to explain under the configuration: --key K")
	default:
		return nil
	}
	named := 0
	for _, is := range []bool{f.request != "", f.step != 0, f.hasKey} {
		if is {
			named++
		}
	}
	switch {
	case named > 1:
		return errors.New("name one of --request, --step and --key")
	case named == 0 && f.from == "" && f.to == "" && f.status == 0 && f.class == "" && !f.failed && !f.guests:
		return errors.New("name what to explain: --request ID, --step N, --key K, or --failed, --status, --class, --from for a list")
	case f.status != 0 && (f.status < 100 || f.status > 599):
		return fmt.Errorf("--status %d is no status of HTTP: write one from 100 to 599", f.status)
	case f.limit < 0:
		return errors.New("--limit is a number of requests, 0 for all")
	}
	return nil
}

func knownClass(name string) bool {
	for _, c := range explain.Classes() {
		if c == name {
			return true
		}
	}
	return false
}

func runExplain(w, log io.Writer, args []string, flags *explainFlags) error {
	if err := flags.check(args); err != nil {
		return err
	}
	known, err := newExplainHooks(flags.config)
	if err != nil {
		return err
	}
	if len(args) == 0 && flags.admin == "" {
		return explainConfig(w, &known, flags)
	}
	if flags.admin != "" {
		path, remove, err := fetchRing(flags.admin)
		if err != nil {
			return err
		}
		defer remove()
		args = []string{path}
	}
	x, err := openExplained(args, log, flags, &known)
	if err != nil {
		return err
	}
	return x.run(w)
}

// id is the request id that is asked for, nil for none.
func (f *explainFlags) id() *[2]uint64 {
	if f.request == "" {
		return nil
	}
	id := new([2]uint64)
	id[0], id[1] = traces.ParseRequestID(f.request)
	return id
}

// command is how to see one request of a list in full.
func (f *explainFlags) command(args []string) func(e *explain.Entry) string {
	return func(e *explain.Entry) string {
		where := strings.Join(args, " ")
		if f.admin != "" {
			return fmt.Sprintf("lockstep explain --admin %s --request %s", f.admin, e.ID)
		}
		what := "--request " + e.ID
		if e.ID == traces.FormatRequestID([2]uint64{}) {
			what = fmt.Sprintf("--step %d", e.Step)
		}
		return "lockstep explain " + cmp.Or(where, "TRACE") + " " + what
	}
}
