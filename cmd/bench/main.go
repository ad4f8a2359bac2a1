//go:build linux

// Bench measures the routers beside their peers, all in one interleaved run. README.md has the method and how to read
// the table.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
)

func main() {
	root := &cobra.Command{
		Use:           "bench",
		Short:         "Measures lockstep, router-pingora, ReverseProxy, nginx and HAProxy in one interleaved run",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(runCommand(), loadCommand(), originCommand(), reverseProxyCommand())
	if err := root.Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
}

func loadCommand() *cobra.Command {
	p := plan{}
	c := &cobra.Command{
		Use:     "load ADDR",
		Short:   "Loads one address, open loop: latency counts from when a request was to leave",
		Example: "  bench load 127.0.0.1:8080 --rate 10000 --for 10s",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p.addr = args[0]
			if p.conns < 1 || p.rate < 0 || p.last <= 0 {
				return fmt.Errorf("--conns %d --rate %d --for %v: want at least 1, at least 0, more than 0", p.conns, p.rate, p.last)
			}
			r, err := runLoad(p)
			if err != nil {
				return err
			}
			r.print(c.OutOrStdout())
			return nil
		},
	}
	f := c.Flags()
	f.IntVar(&p.conns, "conns", 64, "kept connections")
	f.IntVar(&p.rate, "rate", 10_000, "requests a second, evenly spaced; 0: closed loop, as many as go")
	f.DurationVar(&p.warm, "warm", time.Second, "time at the start that does not count")
	f.DurationVar(&p.last, "for", 10*time.Second, "time that counts")
	f.StringVar(&p.path, "path", "/v1/orders", "path to GET")
	f.StringVar(&p.key, "key", "acme", "routing key")
	return c
}

func originCommand() *cobra.Command {
	var listen string
	var size int
	c := &cobra.Command{
		Use:   "origin",
		Short: "Answers every GET with one body: the cheapest upstream",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o, addr, err := newOrigin(listen, size)
			if err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), "listening on", addr)
			return o.serve()
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:9100", "address")
	c.Flags().IntVar(&size, "size", 1024, "bytes of the body")
	return c
}

func reverseProxyCommand() *cobra.Command {
	var listen, origin string
	c := &cobra.Command{
		Use:   "reverse-proxy",
		Short: "The peer that a Go team writes in an afternoon: httputil.ReverseProxy",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return reverseProxy(listen, origin) },
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:9101", "address")
	c.Flags().StringVar(&origin, "origin", "127.0.0.1:9100", "address of the origin")
	return c
}
