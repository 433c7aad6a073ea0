package monitor

import "time"

// pieces is how finely a window is divided: an event counts for the length of the
// window, and at most a 64th of it longer.
const pieces = 64

// window is what was counted within a length of time that slides. Times are since
// the start of the watch.
type window struct {
	parts []part // oldest first, at most pieces+1
	sum   int64
}

// part is what was counted within a 64th of the window.
type part struct {
	first, last time.Duration
	n           int64
}

// add counts n now and returns the sum of the window.
func (w *window) add(now, length time.Duration, n int64) int64 {
	w.expire(now, length)
	w.sum += n
	if i := len(w.parts) - 1; i >= 0 && (now-w.parts[i].first < length/pieces || len(w.parts) > pieces) {
		w.parts[i].n += n
		w.parts[i].last = max(w.parts[i].last, now)
		return w.sum
	}
	w.parts = append(w.parts, part{now, now, n})
	return w.sum
}

// expire forgets what is too old.
func (w *window) expire(now, length time.Duration) {
	old := 0
	for old < len(w.parts) && now-w.parts[old].last >= length {
		w.sum -= w.parts[old].n
		old++
	}
	if old > 0 {
		w.parts = append(w.parts[:0], w.parts[old:]...)
	}
}

// since is when the oldest that counts was counted.
func (w *window) since() time.Duration {
	if len(w.parts) == 0 {
		return 0
	}
	return w.parts[0].first
}
