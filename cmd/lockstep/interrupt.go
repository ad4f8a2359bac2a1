package main

import (
	"context"
	"os/signal"
	"syscall"
)

// firstSignal returns what is closed at the first SIGINT or SIGTERM. The second
// finds nobody who waits for it, and ends the program.
func firstSignal(ctx context.Context) (<-chan struct{}, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx.Done(), stop
}

// closed reports whether c is; nil never is.
func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
