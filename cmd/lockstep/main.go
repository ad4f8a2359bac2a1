// Command lockstep is the router and everything around it. Each subcommand has
// a file of its own; a command is listed here from the day it works.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes (DESIGN, section 6).
const (
	exitOK     = 0
	exitFailed = 1 // a property or verdict failed
	exitUsage  = 2 // usage or bad input
)

// errFailed marks an error that is a verdict, not a misuse: exit code 1.
var errFailed = errors.New("failed")

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.Execute()
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errFailed):
		return exitFailed
	}
	fmt.Fprintf(stderr, "lockstep: %v\n", err)
	if errors.Is(err, syscall.EISDIR) {
		fmt.Fprintln(stderr, "  that is a folder: name a file in it")
	}
	return exitUsage
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "lockstep",
		Short:         "A deterministic HTTP router: prove its decisions before a deploy, replay them after an incident.",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flagError(err) })
	for _, g := range groups() {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, c := range g.commands {
			c.GroupID = g.id
			root.AddCommand(c)
		}
	}
	return root
}

// group is what a user comes for.
type group struct {
	id, title string
	commands  []*cobra.Command
}

// groups lists the commands in the order in which a user meets them.
func groups() []group {
	return []group{
		{"try", "To try it:", []*cobra.Command{newDemoCommand(), newCellCommand()}},
		{"before", "Before a deploy:", []*cobra.Command{newCheckCommand(), newDiffCommand(), newSimCommand(), newFuzzCommand()}},
		{"serve", "In production:", []*cobra.Command{newServeCommand(), newControlCommand()}},
		{"after", "After an incident:", []*cobra.Command{newExplainCommand(), newIncidentCommand(), newReportCommand(), newReplayCommand()}},
		{"keep", "Recordings:", []*cobra.Command{newVerifyCommand(), newRedactCommand(), newConvertCommand()}},
		{"move", "From another proxy:", []*cobra.Command{newCompareCommand(), newImportCommand()}},
		{"port", "Another implementation:", []*cobra.Command{newConformCommand()}},
	}
}
