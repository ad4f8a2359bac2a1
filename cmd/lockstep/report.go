package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"lockstep/adapters/recordings"
	"lockstep/core"
	"lockstep/traces"
	htmlpage "lockstep/traces/report"
	"lockstep/traces/say"
)

type reportFlags struct {
	output   string
	title    string
	from, to string
	requests int
	json     bool
}

func newReportCommand() *cobra.Command {
	var flags reportFlags
	cmd := &cobra.Command{
		Use:   "report TRACE... -o FILE.html",
		Short: "Draw recordings as one HTML page that needs no network",
		Long: `Draw what recordings show as one HTML file that works offline: time lines of
placements against their limits and of endpoints with their breakers and health,
configurations, refused and failed requests, and the story of every request.
Everything is recomputed from the recording, which is checked on the way.
A TRACE is a file or a folder; several routers share a page. A simulation, a
golden vector and a production recording are drawn alike.

A page holds 2,000,000 requests one by one (--requests). Of more it keeps all
failures and a sample of the rest, and says so; counts, rates and time lines are
of all. --from and --to cut. The page holds routing keys and request ids: treat
it as you treat the recording.`,
		Example: `  lockstep report /var/lib/lockstep/rec -o incident.html
  lockstep report /var/lib/lockstep/rec -o incident.html --from 2026-11-19T14:05:00Z --to 2026-11-19T14:15:00Z
  lockstep report traces/limit/*.ndjson -o limits.html
  lockstep report fifty -o fleet.html --from 5s --to 20s`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runReport(cmd.OutOrStdout(), cmd.ErrOrStderr(), args, &flags)
		},
	}
	cmd.Flags().StringVarP(&flags.output, "output", "o", "", "file to write; - for standard output")
	cmd.Flags().StringVar(&flags.title, "title", "", "title of the page (default: the name in the recording)")
	cmd.Flags().StringVar(&flags.from, "from", "", "show only what came from this time on (UTC): 2026-11-19T14:05:00Z, 14:05, -10m before the end; of a simulated trace 5s since its start")
	cmd.Flags().StringVar(&flags.to, "to", "", "show only what came before this time")
	cmd.Flags().IntVar(&flags.requests, "requests", htmlpage.DefaultRequests, "how many requests the page may hold one by one")
	cmd.Flags().BoolVar(&flags.json, "json", false, "print JSON")
	_ = cmd.MarkFlagRequired("output")
	return cmd
}

// reportResult says what was drawn.
type reportResult struct {
	OK       bool           `json:"ok"`
	File     string         `json:"file"`
	Bytes    int64          `json:"bytes"`
	Routers  int            `json:"routers"`
	Requests uint64         `json:"requests"`
	Kept     int            `json:"requests_kept"`
	Problems []string       `json:"problems,omitempty"` // with the recordings
	Sources  []reportSource `json:"recordings"`
}

type reportSource struct {
	Name     string `json:"name"`
	Files    int    `json:"files"`
	Requests uint64 `json:"requests"`
	Failures uint64 `json:"failures"`
}

func runReport(stdout, stderr io.Writer, args []string, flags *reportFlags) error {
	if flags.requests < 1 {
		return errors.New("--requests is how many the page may hold; name 1 or more")
	}
	options := htmlpage.Options{Title: flags.title, Requests: flags.requests}
	all, err := recordings.Open(args)
	if err != nil {
		return err
	}
	tellHashed(stderr, all)
	if options.From, options.To, err = flags.cut(all[0]); err != nil {
		return err
	}
	page, result, err := drawRecordings(all, options, nil, newProgress(stderr))
	if err != nil {
		return err
	}
	result.File = flags.output
	if result.Bytes, err = writePage(stdout, flags.output, page); err != nil {
		return err
	}
	if flags.output != "-" {
		if err := result.print(stdout, flags.json); err != nil {
			return err
		}
	}
	if !result.OK {
		return errFailed
	}
	return nil
}

// cut reads --from and --to, which are relative to the first recording.
func (f *reportFlags) cut(first *recordings.Recording) (from, to int64, err error) {
	if f.from+f.to == "" {
		return 0, 0, nil
	}
	end, err := endOf(first)
	if err != nil {
		return 0, 0, err
	}
	read := func(flag, text string, parse func(text string, origin, end int64) (int64, error)) int64 {
		if text == "" || err != nil {
			return 0
		}
		at, bad := parse(text, first.Header.Origin, end)
		if bad != nil {
			err = fmt.Errorf("%s: %w", flag, bad)
		}
		return at
	}
	from, to = read("--from", f.from, parseWhen), read("--to", f.to, parseUntil)
	if err == nil && to != 0 && from >= to {
		err = fmt.Errorf("--from %s is not before --to %s", f.from, f.to)
	}
	return from, to, err
}

// drawRecordings replays recordings into a page. name says what to call the
// i-th, and which files explain its requests; nil goes by their files.
func drawRecordings(all []*recordings.Recording, o htmlpage.Options, name func(i int) (string, []string), p *progress) (*htmlpage.Page, *reportResult, error) {
	o.Routers = len(all)
	page, result := htmlpage.New(o), &reportResult{OK: true, Routers: len(all)}
	names := recordingNames(all)
	for i, rec := range all {
		for _, f := range rec.Faults {
			result.Problems = append(result.Problems, f.Error())
		}
		called, files := names[i], pathsOf(rec)
		if name != nil {
			called, files = name(i)
		}
		r := page.Router(called, files)
		r.Begin(rec.Header)
		begin, err := blockOfCut(rec, o.From, o.To)
		if err != nil {
			return nil, nil, err
		}
		found, err := rec.Replay(begin, withProgress(r.Hooks(), p, called))
		if err != nil {
			result.Problems = append(result.Problems, err.Error())
			r.Warn(err.Error())
		}
		r.Close(found)
		if found.Divergence == nil && err == nil {
			if err := tellStories(r, rec, max(mostStories/len(all), 4)); err != nil {
				r.Warn(err.Error())
			}
		}
		result.add(r, &found, len(files))
	}
	p.clear()
	for _, text := range result.Problems {
		result.OK = false
		page.Warn(text)
	}
	return page, result, nil
}

// withProgress shows how far the replay of one recording is.
func withProgress(o traces.Options, p *progress, name string) traces.Options {
	after, n := o.After, uint64(0)
	o.After = func(f *traces.Fact, r *core.Router, decided []core.Decision) {
		after(f, r, decided)
		if n++; n%(1<<16) == 0 {
			p.line("%s: %s events", name, say.Count(n))
		}
	}
	return o
}

// blockOfCut is where the replay of a part begins; the zero Block is the beginning.
func blockOfCut(r *recordings.Recording, from, to int64) (recordings.Block, error) {
	if from == 0 {
		return recordings.Block{}, nil
	}
	hits, err := r.Find(recordings.Query{From: from, To: to, Limit: 1})
	if err != nil || len(hits) == 0 {
		return recordings.Block{}, err
	}
	return hits[0].Block, nil
}

func (r *reportResult) add(from *htmlpage.Router, found *traces.Report, files int) {
	s := reportSource{Name: from.Name(), Files: files}
	var kept int
	s.Requests, s.Failures, kept = from.Counts()
	r.Requests += s.Requests
	r.Kept += kept
	r.Sources = append(r.Sources, s)
	if d := found.Divergence; d != nil {
		r.Problems = append(r.Problems, fmt.Sprintf("%s: divergence at step %d: %s differs; nothing after it is shown", s.Name, d.Step, d.Field))
	}
	for _, d := range found.Damage {
		r.Problems = append(r.Problems, s.Name+": "+d.Error())
	}
}

func pathsOf(r *recordings.Recording) (paths []string) {
	for _, s := range r.Segments {
		paths = append(paths, s.Path)
	}
	return paths
}

// writePage writes a page that only its owner can read: it holds routing keys.
func writePage(stdout io.Writer, path string, page *htmlpage.Page) (int64, error) {
	if path == "-" {
		return 0, page.Write(stdout)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	w := bufio.NewWriter(f)
	if err := errors.Join(page.Write(w), w.Flush()); err != nil {
		return 0, errors.Join(fmt.Errorf("writing %s: %w", path, err), f.Close())
	}
	info, err := f.Stat()
	if err != nil {
		return 0, errors.Join(err, f.Close())
	}
	return info.Size(), f.Close()
}

func (r *reportResult) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return writeJSON(w, r)
	}
	for _, text := range r.Problems {
		fmt.Fprintf(w, "problem    %s\n", text)
	}
	for _, s := range r.Sources {
		fmt.Fprintf(w, "%-24s %12s requests %10s not served\n", s.Name, say.Count(s.Requests), say.Count(s.Failures))
	}
	fmt.Fprintf(w, "%s  %.1f MB, %s", r.File, float64(r.Bytes)/1e6, say.Plural(r.Routers, "router"))
	if uint64(r.Kept) < r.Requests {
		fmt.Fprintf(w, "; %s of %s requests one by one: all failures as far as there is room, a sample of the rest; the page says which", say.Count(uint64(r.Kept)), say.Count(r.Requests))
	}
	fmt.Fprintln(w)
	return nil
}
