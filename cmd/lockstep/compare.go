package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"lockstep/adapters/accesslog"
	"lockstep/adapters/configdiff"
	"lockstep/traces/say"
)

func newCompareCommand() *cobra.Command {
	var flags logFlags
	var format, under string
	cmd := &cobra.Command{
		Use:   "compare LOG... -c CONFIG",
		Short: "The share of logged requests that we would have placed the same, and the rest by reason",
		Long: `Decide the requests of another router's access log under CONFIG, in the order and at
the times of the log, and compare: which went to the same placement, and why the others
would not. Upstreams are found by the address of an endpoint, by backend/server as
placement/endpoint, or by the name of the placement; --map names the rest.

The same placement by another endpoint counts as the same, apart: the phase of a rotation
cannot be compared. Lines that do not tell enough are counted, and not judged. Exit 1
with --fail-under, when fewer agree or fewer than half can be judged.`,
		Example: `  lockstep compare access.json -c router.yaml
  lockstep compare haproxy.log -c router.yaml --format haproxy --captures X-Routing-Key --fail-under 99%
  zcat access.log.*.gz | lockstep compare - -c router.yaml --format nginx-json --map 10.0.0.7:80=cell-07`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runCompare(cmd.OutOrStdout(), cmd.ErrOrStderr(), cmd.InOrStdin(), args, format, under, flags)
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&format, "format", "", "format of the log: "+formatNames()+"; default: guessed from its first lines")
	cmd.Flags().StringVar(&under, "fail-under", "", "share that must agree, such as 99%")
	return cmd
}

func formatNames() string {
	var names []string
	for _, f := range accesslog.Formats() {
		names = append(names, string(f))
	}
	return strings.Join(names, ", ")
}

func runCompare(w, stderr io.Writer, stdin io.Reader, files []string, format, under string, flags logFlags) error {
	if flags.config == "" {
		return errors.New("name the configuration that is compared with the log: -c CONFIG")
	}
	limit := int64(-1)
	if under != "" {
		ppm, err := configdiff.ParseShare(under)
		if err != nil {
			return fmt.Errorf("--fail-under: %w", err)
		}
		limit = int64(ppm)
	}
	options, err := flags.options()
	if err != nil {
		return err
	}
	guessed := format == ""
	if guessed {
		f, err := accesslog.GuessFile(files[0], options)
		if err != nil {
			return err
		}
		format = string(f)
	}
	feed, err := flags.feed(accesslog.Format(format), files, stdin)
	if err != nil {
		return err
	}
	progress := newProgress(stderr)
	feed.Progress = func(n uint64) { progress.line("%s requests compared", say.Count(n)) }
	c, err := accesslog.Compare(feed)
	progress.clear()
	if err != nil {
		return err
	}
	v := compareVerdict{c: c, config: flags.config, format: format, guessed: guessed, under: under, limit: limit}
	if flags.json {
		err = writeJSON(w, v.json())
	} else {
		v.print(w)
		printByDNS(w, flags.byDNS)
	}
	if err == nil && !v.passed() {
		return errFailed
	}
	return err
}

// compareVerdict is the outcome with what was asked.
type compareVerdict struct {
	c       *accesslog.Compared
	config  string
	format  string
	guessed bool
	under   string
	limit   int64 // parts per million, -1 for none
}

func (v *compareVerdict) passed() bool {
	judged, agree := v.c.Judged()
	return v.limit < 0 || 2*judged >= v.c.Requests && judged > 0 && 1_000_000*int64(agree) >= v.limit*int64(judged)
}

// compareJSON is the verdict for machines.
type compareJSON struct {
	OK     bool    `json:"ok"`
	Config string  `json:"config"`
	Format string  `json:"format"`
	Judged int     `json:"judged"`
	Agree  int     `json:"agree"`
	Share  float64 `json:"share"` // of those judged, 0 to 1
	*accesslog.Compared
}

func (v *compareVerdict) json() compareJSON {
	out := compareJSON{OK: v.passed(), Config: v.config, Format: v.format, Compared: v.c}
	if out.Judged, out.Agree = v.c.Judged(); out.Judged > 0 {
		out.Share = float64(out.Agree) / float64(out.Judged)
	}
	return out
}
