package main

import (
	"cmp"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"lockstep/adapters/cell"
)

func newCellCommand() *cobra.Command {
	var name, listen string
	c := &cobra.Command{
		Use:   "cell",
		Short: "Runs a demo upstream that breaks on request",
		Long: `Runs a demo upstream. It answers every path with a small JSON that says who it
is, GET /health with 200, and it breaks on request by plain HTTP at /fault:
fail=PERCENT, latency=DURATION, hang=true, refuse=true, health=fail.
GET /fault shows the knobs, DELETE /fault mends everything.
CELL_NAME and PORT in the environment stand for --name and --listen.`,
		Example: `  lockstep cell --name visa --listen :9001
  curl -X POST 'localhost:9001/fault?fail=100'     # every request gets a 500
  curl -X DELETE localhost:9001/fault              # and is served again`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			l, err := listenOn("cell "+name, listen)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.ErrOrStderr(), "cell %s listens on http://%s\n", name, l.Addr())
			return newServer(cell.New(name), c.ErrOrStderr()).run(ctx, l, time.Second)
		},
	}
	c.Flags().StringVar(&name, "name", cmp.Or(os.Getenv("CELL_NAME"), "cell"), "what the cell calls itself")
	c.Flags().StringVar(&listen, "listen", cmp.Or(addressOfPort(os.Getenv("PORT")), ":9000"), "address to listen on")
	return c
}
