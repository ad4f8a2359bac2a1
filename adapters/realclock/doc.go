// Package realclock joins github.com/benbjohnson/clock to loop.Clock, so that
// production runs on clock.New and tests of the loop and its drivers on
// clock.NewMock. It holds nothing but the origin of the time scale: no lock,
// no goroutine, and no other reader of time belongs here.
package realclock
