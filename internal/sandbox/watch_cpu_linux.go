package sandbox

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// time takes a look at the CPU time, which the kernel keeps to its limit or the watch does.
func (w *watch) time(now time.Time, pids []int) error {
	if w.books.cpu == nil {
		used, err := w.spent(pids)
		if err == nil {
			w.balance(now, used)
		}
		return err
	}
	used, times, err := w.books.processor()
	switch {
	case err != nil:
		return err
	case w.books.keeps(byCPU):
		w.throttled(now, used, times)
	default:
		w.balance(now, used)
	}
	return nil
}

// throttled tells whether the kernel holds the command to its processors again and again.
func (w *watch) throttled(now time.Time, used time.Duration, times int64) {
	w.busy = used-w.used >= clockTick
	if times > w.times {
		w.last = now
		if w.slow.IsZero() {
			w.slow = now
		}
	} else if now.Sub(w.last) > cpuPatience/5 {
		w.slow, w.told = time.Time{}, false
	}
	w.used, w.times = used, times
	w.tellSlow(now)
}

// tellSlow reports a command that has been held back for long enough, once.
func (w *watch) tellSlow(now time.Time) {
	if !w.slow.IsZero() && !w.told && now.Sub(w.slow) > cpuPatience {
		w.told = true
		w.up.report(Report{Kind: OverCPU, Text: fmt.Sprintf("it is held to %v of a processor", w.limits.CPU)})
	}
}

// balance keeps the account of CPU time: it fills at the limit's rate, and what runs
// draws on it. What has overdrawn is stopped until it is in credit.
func (w *watch) balance(now time.Time, used time.Duration) {
	spent := max(used-w.used, 0)
	w.credit = min(w.credit+time.Duration(float64(now.Sub(w.seen))*w.limits.CPU), time.Duration(float64(burst)*max(w.limits.CPU, 1))) - spent
	w.busy = spent >= clockTick
	w.used, w.seen = used, now
	switch {
	case w.credit < 0 && !w.held && !w.ending:
		w.held = unix.Kill(-1, unix.SIGSTOP) == nil
		if w.slow.IsZero() {
			w.slow = now
		}
	case w.credit >= 0 && w.held:
		w.held = false
		_ = unix.Kill(-1, unix.SIGCONT)
	case !w.held && w.credit >= burst/2:
		w.slow, w.told = time.Time{}, false
	}
	w.tellSlow(now)
}

// letGo has everything run, and stops nothing any more: it is asked to end.
func (w *watch) letGo() {
	w.ending = true
	if w.held {
		w.held = false
		_ = unix.Kill(-1, unix.SIGCONT)
	}
}

// spent is the CPU time that everything has used so far.
func (w *watch) spent(pids []int) (time.Duration, error) {
	if w.books.clock == nil {
		return w.ledger.look(pids), nil
	}
	return w.books.clock.read()
}
