package parity

import (
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

var successorLine = regexp.MustCompile(`successor=(\d+)`)

// upgradeGo asks the process for a successor: SIGUSR2, and the log names it.
func upgradeGo(p *process) {
	p.t.Helper()
	before := len(successorLine.FindAllString(p.said(), -1))
	p.signal(syscall.SIGUSR2)
	until(p.t, "a successor", func() bool { return len(successorLine.FindAllString(p.said(), -1)) > before })
	all := successorLine.FindAllStringSubmatch(p.said(), -1)
	next, err := strconv.Atoi(all[len(all)-1][1])
	if err != nil {
		p.t.Fatal(err)
	}
	p.extra = append(p.extra, next)
	p.pid = next
}

// upgradeRust starts the successor and tells the old process to hand its
// sockets over: Pingora's way.
func upgradeRust(p *process) {
	p.t.Helper()
	next := exec.Command(p.program.path, append(p.cmd.Args[1:], "--upgrade")...)
	next.Dir, next.Env = p.cmd.Dir, p.cmd.Env
	p.run(next)
	p.extra = append(p.extra, next.Process.Pid)
	go func() { _ = next.Wait() }() // only so that it is no zombie
	const refused, over = "no upgrade:", "handing over the listening sockets"
	until(p.t, "a predecessor that hands over", func() bool {
		before := strings.Count(p.said(), refused)
		p.signal(syscall.SIGQUIT) // refused as long as the successor does not wait yet
		until(p.t, "an answer to SIGQUIT", func() bool {
			return strings.Contains(p.said(), over) || strings.Count(p.said(), refused) > before
		})
		return strings.Contains(p.said(), over)
	})
	p.pid = next.Process.Pid
}
