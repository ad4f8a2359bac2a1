//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is one program under test, or the origin, on cores of its own.
type process struct {
	command *exec.Cmd
	ended   chan error
	logs    string // file with what it wrote
}

// start runs argv on the cores (a list for taskset, "" for all) and waits until addr takes connections. Its output goes
// to a file in dir: a log is part of a proxy's work.
func start(dir, name, cores, addr string, argv []string) (*process, error) {
	if cores != "" {
		argv = append([]string{"taskset", "-c", cores}, argv...)
	}
	logs := filepath.Join(dir, name+".log")
	out, err := os.Create(logs)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	c := exec.Command(argv[0], argv[1:]...)
	c.Dir, c.Stdout, c.Stderr = dir, out, out
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	p := &process{command: c, ended: make(chan error, 1), logs: logs}
	go func() { p.ended <- c.Wait() }()
	return p, p.awaitListener(name, addr)
}

// awaitListener waits up to ten seconds.
func (p *process) awaitListener(name, addr string) error {
	for deadline := time.Now().Add(10 * time.Second); ; {
		select {
		case err := <-p.ended:
			p.ended <- err
			return fmt.Errorf("%s ended before it listened (%w):\n%s", name, errors.Join(err, errEnded), p.tail())
		case <-time.After(20 * time.Millisecond):
		}
		c, err := net.Dial("tcp", addr)
		if err == nil {
			return c.Close()
		}
		if time.Now().After(deadline) {
			p.stop()
			return fmt.Errorf("%s does not listen on %s after 10 s:\n%s", name, addr, p.tail())
		}
	}
}

var errEnded = errors.New("a server does not end by itself")

// tail is the end of what the process wrote.
func (p *process) tail() []byte {
	b, err := os.ReadFile(p.logs)
	if err != nil {
		return []byte(err.Error())
	}
	return bytes.TrimSpace(b[max(0, len(b)-2000):])
}

// stop ends the process and its children.
func (p *process) stop() {
	for _, pid := range p.family() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	p.ended <- <-p.ended
}

// family lists the process and its descendants: nginx works in children.
func (p *process) family() []int {
	pids := []int{p.command.Process.Pid}
	for i := 0; i < len(pids); i++ {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pids[i]))
		for _, t := range tasks {
			b, _ := os.ReadFile(t)
			for f := range strings.FieldsSeq(string(b)) {
				if pid, err := strconv.Atoi(f); err == nil {
					pids = append(pids, pid)
				}
			}
		}
	}
	return pids
}

// cpu is the processor time that the family has used, user and system.
func (p *process) cpu() (time.Duration, error) {
	var ticks int64
	for _, pid := range p.family() {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, err
		}
		// The name in parentheses may hold spaces; utime and stime are the 12th and 13th fields after it.
		f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		for _, v := range f[11:13] {
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				return 0, err
			}
			ticks += n
		}
	}
	return time.Duration(ticks) * (time.Second / 100), nil // USER_HZ is 100 on every Linux of today
}

// memory is the family's resident memory in KiB, now and at its peak. Pages that children share with their parent
// count once for each.
func (p *process) memory() (now, peak int64, err error) {
	for _, pid := range p.family() {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return 0, 0, err
		}
		for line := range strings.Lines(string(b)) {
			name, value, _ := strings.Cut(line, ":")
			if name != "VmRSS" && name != "VmHWM" {
				continue
			}
			n, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			if err != nil {
				return 0, 0, err
			}
			if name == "VmRSS" {
				now += n
			} else {
				peak += n
			}
		}
	}
	return now, peak, nil
}
