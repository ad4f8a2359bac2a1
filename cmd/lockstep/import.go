package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lockstep/adapters/accesslog"
	"lockstep/core"
	"lockstep/traces/say"
)

// logFlags say how an access log is read; import and compare have them alike.
type logFlags struct {
	config    string
	keys      []string
	fields    []string
	captures  []string
	maps      []string
	logFormat string
	listener  string
	zone      string
	window    time.Duration
	seed      uint64
	json      bool
	// byDNS are the placements of the configuration whose endpoints nobody knows here.
	byDNS []string
}

func (l *logFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&l.config, "config", "c", "", "configuration under which the requests are decided, any form")
	f.StringArrayVar(&l.keys, "key", nil, `where the line has the routing key, as in key of a route: "header: X-Tenant", "path_segment: 1", "query: t", "cookie: t", "host_label: 1"; before those of the configuration; may be given again`)
	f.StringArrayVar(&l.fields, "field", nil, "NAME=VARIABLE: what the log calls NAME is that variable of nginx, or routing_key; may be given again")
	f.StringSliceVar(&l.captures, "captures", nil, "haproxy: the request headers that are captured, in their order: Host,X-Routing-Key")
	f.StringArrayVar(&l.maps, "map", nil, "UPSTREAM=PLACEMENT or UPSTREAM=PLACEMENT/ENDPOINT: what an upstream of the log is in the configuration; may be given again")
	f.StringVar(&l.logFormat, "log-format", "", "nginx: your log_format; envoy: your format string")
	f.StringVar(&l.listener, "listener", "", "by which listener of the configuration the requests came")
	f.StringVar(&l.zone, "zone", "UTC", "time zone of times that name none, as HAProxy's: Europe/Berlin, Local")
	f.DurationVar(&l.window, "window", accesslog.DefaultWindow, "how much longer than others a request may have taken and still be put in its place")
	f.Uint64Var(&l.seed, "seed", 1, "seed of the router's randomness")
	f.BoolVar(&l.json, "json", false, "print JSON")
}

// options are those of the format.
func (l *logFlags) options() (o accesslog.FormatOptions, err error) {
	o = accesslog.FormatOptions{LogFormat: l.logFormat, Captures: l.captures, Fields: map[string]string{}}
	for _, f := range l.fields {
		name, variable, ok := strings.Cut(f, "=")
		if !ok || name == "" {
			return o, fmt.Errorf("--field %s: write NAME=VARIABLE, such as tenant=routing_key", f)
		}
		o.Fields[name] = variable
	}
	if o.Zone, err = time.LoadLocation(l.zone); err != nil {
		return o, fmt.Errorf("--zone: %w", err)
	}
	return o, nil
}

// feed is a log with all that the flags say of it.
func (l *logFlags) feed(format accesslog.Format, files []string, stdin io.Reader) (f accesslog.Feed, err error) {
	f = accesslog.Feed{
		Input: accesslog.Input{Files: files, Format: format, Stdin: stdin},
		Order: accesslog.Order{Window: l.window},
		Keys:  l.keys, Listener: l.listener, Maps: l.maps, Seed: l.seed,
	}
	if l.window <= 0 {
		return f, errors.New("--window: it must be more than 0s")
	}
	if f.Options, err = l.options(); err != nil {
		return f, err
	}
	if l.config != "" {
		f.Config, err = l.compile()
	}
	return f, err
}

// compile reads and compiles the configuration.
func (l *logFlags) compile() (*core.Config, error) {
	f, err := loadTarget(l.config)
	if err != nil {
		return nil, err
	}
	if _, ok := f.EffectiveListener(l.listener); !ok && l.listener != "" {
		return nil, fmt.Errorf("--listener: %s has no listener named %q", l.config, l.listener)
	}
	for _, d := range f.Discover {
		l.byDNS = append(l.byDNS, d.Placement)
	}
	return f.Compile()
}

func newImportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import FORMAT FILE...",
		Short: "Make a trace of the access log of nginx, HAProxy, Envoy, Caddy or lockstep",
		Long: `Make a trace of an access log: the requests arrive as they were logged, a router under
CONFIG decides them, and each attempt ends as the log says of that endpoint, or as is
assumed where the router chose another; how many is said. The trace replays, and every
command that reads recordings reads it.

Without -c a configuration is made of the log: its upstreams, and each key where most of
its requests went. A FILE may be packed by gzip; - is the standard input; several are
read in the order of their times. A line that cannot be read is counted and shown.`,
		Example: `  lockstep import nginx access.log -o access.lst -c router.yaml --log-format '$remote_addr [$time_iso8601] "$request" $status $request_time $upstream_addr $upstream_status $upstream_response_time "$http_x_routing_key"'
  lockstep import haproxy haproxy.log haproxy.log.1.gz -o haproxy.lst -c router.yaml --captures X-Routing-Key
  lockstep import caddy access.json -o access.ndjson -c router.yaml --key 'header: X-Tenant'`,
		// A format that is none would print the help, and pass.
		FParseErrWhitelist: cobra.FParseErrWhitelist{UnknownFlags: true},
		RunE: func(cmd *cobra.Command, args []string) error {
			var names []string
			for _, c := range cmd.Commands() {
				names = append(names, c.Name())
			}
			if len(args) == 0 {
				return fmt.Errorf("name the format and the file: lockstep import FORMAT FILE; formats are %s", strings.Join(names, ", "))
			}
			return fmt.Errorf("%q is no format: use one of %s", args[0], strings.Join(names, ", "))
		},
	}
	for _, f := range accesslog.Formats() {
		cmd.AddCommand(newImportLogCommand(f))
	}
	cmd.AddCommand(newImportConfigCommands()...)
	return cmd
}

func newImportLogCommand(format accesslog.Format) *cobra.Command {
	var flags logFlags
	var output, name string
	cmd := &cobra.Command{
		Use:     string(format) + " FILE...",
		Short:   "Make a trace of " + format.About(),
		Example: fmt.Sprintf("  lockstep import %s access.log -o access.lst -c router.yaml", format),
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			feed, err := flags.feed(format, args, cmd.InOrStdin())
			if err != nil {
				return err
			}
			return runImport(cmd.OutOrStdout(), cmd.ErrOrStderr(), feed, output, name, &flags)
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "", "trace to write: .lst, .ndjson, or - for NDJSON on standard output")
	cmd.Flags().StringVar(&name, "name", "", "what the trace is called; default the name of the first file")
	_ = cmd.MarkFlagRequired("output")
	return cmd
}

// runImport writes the trace and says what it is made of. With the trace on
// standard output that goes to the other.
func runImport(stdout, stderr io.Writer, feed accesslog.Feed, output, name string, flags *logFlags) error {
	form, err := formOf(output)
	if err != nil {
		return err
	}
	report := stdout
	var out io.Writer = stdout
	var file *os.File
	if output == "-" {
		report = stderr
	} else {
		if file, err = os.OpenFile(output+".part", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600); err != nil { // traces hold routing keys
			return err
		}
		out = file
	}
	progress := newProgress(stderr)
	feed.Progress = func(n uint64) { progress.line("%s requests decided", say.Count(n)) }
	b := bufio.NewWriterSize(out, 1<<20)
	result, err := accesslog.Import(b, feed, accesslog.ImportOptions{Form: form, Name: name})
	progress.clear()
	err = errors.Join(err, b.Flush())
	if file != nil {
		if err = errors.Join(err, file.Close()); err == nil {
			err = os.Rename(file.Name(), output)
		} else {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}
	if err != nil {
		return err
	}
	if flags.json {
		return writeJSON(report, result)
	}
	printImported(report, result, output)
	printByDNS(report, flags.byDNS)
	return nil
}
